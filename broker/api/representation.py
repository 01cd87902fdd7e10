"""Which representation of entities a client wants, and the answer in it (clauses 6.3.7, 6.3.11,
6.3.15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from broker.api.incoming import Incoming
from broker.api.linking import DEEPEST_JOIN, Join, check_depths, join_of
from broker.api.media_types import GEO_JSON, JSON_LD
from broker.api.paging import page_headers
from broker.api.parameters import ENTITY_REPRESENTATION, LINKED_ENTITIES, Parameters
from broker.api.posted_queries import string, strings
from broker.api.preferences import PREFER, preference
from broker.api.queries import dataset_ids
from broker.api.responses import ngsi_ld_response
from broker.contexts.context import Context
from broker.model.entity import Entity
from broker.model.errors import AttributeNotFound, BadRequestData, InvalidRequest
from broker.operations.consumption import QueryResult
from broker.query.entity_query import EntityQuery
from broker.representations.conformance import CURRENT, after_conforming, conforming_to
from broker.representations.geojson import (
    LOCATION,
    as_feature,
    geometry_of,
    write_feature_collection,
)
from broker.representations.languages import parse_languages
from broker.representations.linked import Loaded, write_flat, write_inline
from broker.representations.options import DEFAULT_OPTIONS, Form, RepresentationOptions
from broker.representations.selection import (
    OWN_MEMBERS,
    Selection,
    attrs_selection,
    parse_selection,
)
from broker.representations.writing import write_entity

_FORMS: Mapping[str, Form] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}
_OPTIONS = frozenset({*_FORMS, "sysAttrs"})
_SHAPING = ENTITY_REPRESENTATION | LINKED_ENTITIES | {"attrs", "datasetId"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a client wants entities: media type, options, the GeoProperty that becomes `geometry`.

    `attributes` are those of the deprecated `attrs`, expanded.
    """

    media_type: str
    options: RepresentationOptions
    attributes: tuple[str, ...] = ()
    geometry_property: str = LOCATION
    join: Join | None = None


def wanted_representation(parameters: Parameters, context: Context, media_type: str) -> Wanted:
    """Return what the URI parameters ask for. Raises BadRequestData, InvalidRequest."""
    if not parameters.has_any(_SHAPING):
        return Wanted(media_type, DEFAULT_OPTIONS)
    if "geometryProperty" in parameters and media_type != GEO_JSON:
        raise BadRequestData("geometryProperty is for answers in application/geo+json")
    members = {name: parameters.names(name) for name in ("attrs", "datasetId")}
    members |= {name: _whole(parameters.text(name)) for name in ("pick", "omit")}
    wanted = _wanted(parameters, members, parameters.text("lang"), context, media_type)
    join = join_of(
        parameters.text("join"),
        parameters.integer("joinLevel", least=1, most=DEEPEST_JOIN),
        parameters.names("containedBy"),
    )
    return wanted if join is None else replace(wanted, join=join)


def posted_representation(
    body: Any, parameters: Parameters, context: Context, media_type: str
) -> Wanted:
    """Return what a Query object asks for (5.2.23). Raises BadRequestData, InvalidRequest."""
    if not isinstance(body, dict):
        raise BadRequestData("the body is a JSON object of type Query")
    members = {name: strings(body, name) for name in ("attrs", "pick", "omit", "datasetId")}
    wanted = _wanted(parameters, members, string(body, "lang"), context, media_type)
    join = join_of(body.get("join"), body.get("joinLevel"), strings(body, "containedBy"))
    return wanted if join is None else replace(wanted, join=join)


def _wanted(
    parameters: Parameters,
    members: Mapping[str, tuple[str, ...]],
    lang: str | None,
    context: Context,
    media_type: str,
) -> Wanted:
    options = parameters.options(_OPTIONS)
    geometry_property = parameters.text("geometryProperty")
    pick = _picked(members, context)
    omit = parse_selection(members["omit"], context) if members["omit"] else None
    _refuse_contradictions(members, pick, omit)
    return Wanted(
        media_type,
        RepresentationOptions(
            form=_form(parameters, options),
            sys_attrs="sysAttrs" in options,
            languages=parse_languages(lang) if lang else None,
            pick=pick,
            omit=omit,
            dataset_ids=frozenset(dataset_ids(members["datasetId"])) or None,
        ),
        attributes=tuple(context.expand(name) for name in members["attrs"]),
        geometry_property=context.expand(geometry_property) if geometry_property else LOCATION,
    )


def _whole(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _form(parameters: Parameters, options: frozenset[str]) -> Form:
    forms = {_FORMS[option] for option in options if option in _FORMS}
    if len(forms) > 1:
        raise InvalidRequest(f"options asks for two representations: {', '.join(sorted(forms))}")
    named = parameters.choice("format", _FORMS)
    return _FORMS[named] if named else next(iter(forms), "normalized")


def _picked(members: Mapping[str, tuple[str, ...]], context: Context) -> Selection | None:
    if members["pick"]:
        return parse_selection(members["pick"], context)
    return attrs_selection(members["attrs"], context) if members["attrs"] else None


def _refuse_contradictions(
    members: Mapping[str, tuple[str, ...]], pick: Selection | None, omit: Selection | None
) -> None:
    if members["attrs"] and (members["pick"] or members["omit"]):
        raise BadRequestData(
            "attrs is the old way to say pick; it cannot stand beside pick or omit"
        )
    both = [name for name in omit or () if (omit or {})[name] is None and name in (pick or ())]
    if both and members["pick"]:
        raise BadRequestData(
            f"pick and omit both name {', '.join(both)}", attribute_names=tuple(both)
        )


def required_attributes(wanted: Wanted) -> tuple[str, ...]:
    """Return the attributes of which an entity needs one to have anything to show (4.21).

    None are needed where the projection keeps a member every entity has.
    """
    pick = wanted.options.pick
    if pick is None or wanted.attributes or OWN_MEMBERS & pick.keys():
        return ()
    return tuple(pick)


async def answer_entity(
    incoming: Incoming, entity: Entity, wanted: Wanted, context: Context
) -> web.Response:
    """Return one entity; with join=flat, an array of it and the entities it links to.

    Raises AttributeNotFound if it has none of the members asked for.
    """
    bodies, status = await _write([entity], incoming, wanted, context)
    if not bodies[0]:
        raise AttributeNotFound(f"the entity <{entity.id}> has none of the members asked for")
    body: Any = bodies if wanted.join and wanted.join.is_flat else bodies[0]
    if wanted.media_type == GEO_JSON and isinstance(body, list):
        body = write_feature_collection(body)
    return await _answer(incoming, body, wanted, context, status=status)


async def answer_page(
    incoming: Incoming, query: EntityQuery, result: QueryResult, wanted: Wanted
) -> web.Response:
    """Return a page of entities with its links."""
    context = await incoming.context()
    bodies, status = await _write(result.entities, incoming, wanted, context)
    headers = page_headers(incoming, query.page, result, wanted.media_type)
    body: Any = bodies
    if wanted.media_type == GEO_JSON:
        body = write_feature_collection(bodies)
    return await _answer(incoming, body, wanted, context, headers=headers, status=status)


async def _write(
    entities: list[Entity], incoming: Incoming, wanted: Wanted, context: Context
) -> tuple[list[dict[str, Any]], int]:
    """Return the entities in the wanted representation, with what they link to if asked for.

    The status is 200, or 203 where the preference for a version of the standard alters them.
    """
    options, join, version = wanted.options, wanted.join, incoming.version
    check_depths(join, options)
    loaded: Loaded = {}
    if join is not None:
        loaded = await incoming.app.consumption.linked_entities(
            incoming.caller, entities, join.links, options
        )
    bodies = _bodies(entities, loaded, wanted, context)
    if wanted.media_type == GEO_JSON:
        return _features(bodies, entities, loaded, wanted), 200
    if version is None or version >= CURRENT:
        return bodies, 200
    amended = _bodies(
        [conforming_to(entity, version, options) for entity in entities],
        {name: one and conforming_to(one, version, options) for name, one in loaded.items()},
        replace(wanted, options=after_conforming(options)),
        context,
    )
    return amended, 200 if amended == bodies else 203


def _bodies(
    entities: list[Entity], loaded: Loaded, wanted: Wanted, context: Context
) -> list[dict[str, Any]]:
    options, join = wanted.options, wanted.join
    if join is None:
        return [write_entity(entity, context, options) for entity in entities]
    if join.is_flat:
        return write_flat(entities, context, options, join.links, loaded)
    return [write_inline(entity, context, options, join.links, loaded) for entity in entities]


def _features(
    bodies: list[dict[str, Any]], entities: list[Entity], loaded: Loaded, wanted: Wanted
) -> list[dict[str, Any]]:
    """Make features of bodies: first those of the entities, which need not show an id (4.21)."""
    linked = [loaded.get(body.get("id", "")) for body in bodies[len(entities) :]]
    return [
        as_feature(body, entity and geometry_of(entity, wanted.options, wanted.geometry_property))
        for body, entity in zip(bodies, [*entities, *linked], strict=True)
    ]


async def _answer(
    incoming: Incoming,
    body: Any,
    wanted: Wanted,
    context: Context,
    *,
    headers: CIMultiDict[str] | None = None,
    status: int = 200,
) -> web.Response:
    in_body = wanted.media_type == JSON_LD or (
        wanted.media_type == GEO_JSON and _prefers_context_in_body(incoming)
    )
    return ngsi_ld_response(
        body,
        media_type=wanted.media_type,
        context_url="" if in_body else await incoming.url_of(context),
        context_body=context.body if in_body else None,
        headers=headers,
        status=status,
    )


def _prefers_context_in_body(incoming: Incoming) -> bool:
    """Read Prefer: body=json sends the @context of GeoJSON by Link (6.3.6)."""
    return preference(incoming.request.headers.getall(PREFER, []), "body") != "json"
