"""Preconditions look at the entity as clients see it."""

from __future__ import annotations

import pytest

from broker.model.entity import Entity
from broker.model.errors import PreconditionFailed
from broker.model.patching import create_entity, only_where
from broker.operations.conditions import Conditions

ID, NOW = "urn:ngsi-ld:T:1", "2026-01-01T00:00:00.000000Z"
EXPIRED = Entity(ID, ("T",), expires_at="2025-01-01T00:00:00Z", version=3)


def test_an_expired_entity_is_none_to_if_none_match():
    create = Conditions(if_none_match=("*",)).before(create_entity(Entity(ID, ("T",))), ID)
    assert create(EXPIRED, NOW).entity.version == 4


def test_an_expired_entity_is_at_no_version():
    create = Conditions(if_match=("*",)).before(create_entity(Entity(ID, ("T",))), ID)
    with pytest.raises(PreconditionFailed):
        create(EXPIRED, NOW)


def test_a_selection_is_not_asked_about_an_expired_entity():
    create = only_where(create_entity(Entity(ID, ("T",))), ID, lambda entity: False)
    assert create(EXPIRED, NOW).entity.version == 4
