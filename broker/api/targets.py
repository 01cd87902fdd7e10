"""Entities and attributes named by the path of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from broker.api.incoming import Incoming
from broker.contexts.context import Context
from broker.model.datetimes import canonical_time
from broker.model.errors import BadRequestData
from broker.model.merging import MergeDefaults
from broker.model.names import is_term, is_uri

T = TypeVar("T")


def entity_id(incoming: Incoming) -> str:
    """Return the entity the path names. Raises BadRequestData unless it is a URI."""
    value = incoming.part("entityId")
    if not is_uri(value):
        raise BadRequestData(
            f"the entity id {value[:200]!r} is not a URI; for example urn:ngsi-ld:Building:1"
        )
    return value


def attribute_name(incoming: Incoming, context: Context) -> str:
    """Return the attribute the path names, as written. Raises BadRequestData unless it is one."""
    value = incoming.part("attrId")
    if not is_term(value, context):
        raise BadRequestData(
            f"{value[:200]!r} is not the name of an attribute", attribute_names=(value,)
        )
    return value


async def read_for(incoming: Incoming, target: str, read: Callable[[], T]) -> T:
    """Return what `read` makes of a body that is meant for an entity.

    Where it cannot be read and there is no such entity, that is what the client is told (5.6.2.4,
    5.6.3.4, 5.6.17.4 to 5.6.19.4). Raises EntityNotFound, NonexistentTenant, and what `read` does.
    """
    try:
        return read()
    except BadRequestData:
        await incoming.app.consumption.retrieve_entity(incoming.caller, target)
        raise


def merge_defaults(incoming: Incoming) -> MergeDefaults:
    """Return what `observedAt` and `lang` say of a merge (6.5.3.4). Raises BadRequestData."""
    observed_at = incoming.parameters.text("observedAt")
    if observed_at is not None and canonical_time(observed_at) is None:
        raise BadRequestData(
            f"observedAt is a time such as 2026-01-31T09:00:00Z, not {observed_at!r}"
        )
    time = observed_at and observed_at.replace(",", ".")
    return MergeDefaults(observed_at=time, lang=incoming.parameters.text("lang"))
