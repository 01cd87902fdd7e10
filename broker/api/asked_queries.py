"""A request that asks for entities, whether for a page of them or for a map."""

from __future__ import annotations

from broker.api.incoming import Incoming
from broker.api.linking import check_depths
from broker.api.media_types import ENTITY_TYPES
from broker.api.posted_queries import posted_query
from broker.api.queries import entity_query
from broker.api.representation import (
    Wanted,
    posted_representation,
    required_attributes,
    wanted_representation,
)
from broker.query.entity_query import EntityQuery


async def read_query(incoming: Incoming) -> tuple[EntityQuery, Wanted]:
    """Return the query the URI parameters state, and how its result is to be shown.

    Raises NotAcceptable, InvalidRequest, BadRequestData, TooComplexQuery, and what resolving an
    @context raises.
    """
    media_type = incoming.accepted(ENTITY_TYPES)
    context = await incoming.context()
    parameters = incoming.parameters
    wanted = wanted_representation(parameters, context, media_type)
    settings = incoming.app.settings
    query = entity_query(parameters, context, settings, in_snapshot=incoming.is_in_snapshot)
    return _checked(query, wanted), wanted


async def read_posted_query(incoming: Incoming) -> tuple[EntityQuery, Wanted]:
    """Return what `read_query` does of a Query object (5.2.23) in the body."""
    media_type = incoming.accepted(ENTITY_TYPES)
    context = await incoming.context()
    body, parameters = incoming.body, incoming.parameters
    wanted = posted_representation(body, parameters, context, media_type)
    settings = incoming.app.settings
    query = posted_query(body, parameters, context, settings, in_snapshot=incoming.is_in_snapshot)
    return _checked(query, wanted), wanted


def _checked(query: EntityQuery, wanted: Wanted) -> EntityQuery:
    check_depths(wanted.join, wanted.options, query.condition)
    return query.evolve(attributes=query.attributes or required_attributes(wanted))
