"""Look-ups that share a query share its fate, whatever it is."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from broker.model.errors import InternalError
from broker.storage.mongo.lookup_group import LookupGroup
from tests.patience import PATIENCE


async def test_a_fault_answers_everybody_who_waits() -> None:
    group = LookupGroup(cast("Any", None), cast("Any", None))  # to ask nothing is a fault
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            with pytest.raises(InternalError):
                await group.fetch("urn:ngsi-ld:Room:1")
