"""Registrations as clients write them: checked and reduced to a definition (clause 5.2.9).

What the standard has no member for describes the source (a Context Source Property, clause 4.9) and
is kept under its expanded name; members only the broker writes are left out. Everything that is
wrong is refused with the place (a JSON pointer) and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from broker.model.datetimes import canonical_time
from broker.model.entity import NULL
from broker.model.geometry import decoded, geometry_flaw
from broker.model.names import is_term
from broker.model.registration import MODES
from broker.model.scopes import is_scope
from broker.model.terms import Terms
from broker.registrations.operation_names import GROUPS, OPERATIONS
from broker.representations.checks import (
    Place,
    attribute_names,
    boolean,
    choice,
    dataset_ids,
    date_time,
    duration,
    node_of,
    non_empty_list,
    non_empty_text,
    object_of,
    positive_number,
    refuse,
    regular_expression,
    text,
    uri,
    url,
    version_number,
    with_current_names,
)
from broker.representations.key_values import check_header_pairs, key_value_pairs

Definition = dict[str, Any]
_Check = Callable[[Any, Place], Any]

TYPE = "ContextSourceRegistration"
FROM_REQUEST = "urn:ngsi-ld:request"
"""In contextSourceInfo: the value is taken from the request that is passed on (4.3.6.5)."""

_MANDATORY = ("type", "information", "endpoint")
_WRITTEN_BY_BROKER = frozenset(
    {"createdAt", "modifiedAt", "deletedAt", "status", "timesSent", "timesFailed"}
    | {"lastSuccess", "lastFailure"}
)
_INFO_MEMBERS = ("entities", "propertyNames", "relationshipNames")
_EARLIER_NAMES = {"properties": "propertyNames", "relationships": "relationshipNames"}
"""What members of RegistrationInfo were called before version 1.3."""
_ENTITY_MEMBERS = ("type", "id", "idPattern")
_MEDIA_TYPES = ("application/json", "application/ld+json")
_TENANT = re.compile(r"[\x21-\x7e]+")


def read_registration(body: Any, terms: Terms, *, now: str) -> Definition:
    """Return the definition of a new registration; raises BadRequestData.

    `now` is the time in the fixed-width form: what ends before it is refused.
    """
    members = with_current_names(node_of(body, ()))
    for name in _MANDATORY:
        if name not in members:
            raise refuse((name,), f"is missing; a registration needs {', '.join(_MANDATORY)}")
    for name, value in members.items():
        if value is None or value == NULL:
            raise refuse((name,), "is null; leave it out instead")
    definition = _read_members(members, terms)
    if "id" in members:
        definition["id"] = uri(members["id"], ("id",))
    if "expiresAt" in definition:
        check_expiry(definition["expiresAt"], now)
    return definition


def read_registration_fragment(body: Any, terms: Terms, *, registration_id: str) -> Definition:
    """Return what a registration fragment changes (clauses 5.9.3, 5.5.8); NULL removes a member.

    A JSON null means the same here. Raises BadRequestData.
    """
    members = dict(with_current_names(node_of(body, ())))
    if members.get("id", registration_id) != registration_id:
        raise refuse(("id",), f"differs from the registration in the path, {registration_id}")
    members.pop("id", None)
    removed = {name for name, value in members.items() if value is None or value == NULL}
    for name in _MANDATORY:
        if name in removed:
            raise refuse((name,), "is mandatory and cannot be removed")
    kept = {name: value for name, value in members.items() if name not in removed}
    removals = {_member_name(name, terms): NULL for name in removed}
    return _read_members(kept, terms) | removals


def check_expiry(expires_at: str, now: str) -> None:
    """Raise BadRequestData if a time is not in the future."""
    if (canonical_time(expires_at) or now) <= now:
        raise refuse(("expiresAt",), f"is {expires_at}, which is in the past; now is {now}")


# -------------------------------------------------------------------------------------- members


def _read_members(members: Mapping[str, Any], terms: Terms) -> Definition:
    if members.get("type", TYPE) != TYPE:
        raise refuse(("type",), f'is {members["type"]!r}; it has to be "{TYPE}"')
    definition: Definition = {}
    for name, value in members.items():
        if name in _CHECKS:
            definition[name] = _CHECKS[name](value, (name,))
        elif name == "information":
            definition[name] = _information(value, (name,), terms)
        elif name not in {"id", "type", "@context"} and name not in _WRITTEN_BY_BROKER:
            definition[_member_name(name, terms)] = value
    return definition


def _member_name(name: str, terms: Terms) -> str:
    """Return the name under which a member is kept: its own if the standard has it."""
    if name in _CHECKS:
        return name
    if not is_term(name, terms):
        raise refuse((name,), "is not a name; a property of the source needs one")
    return terms.expand(name)


def _information(value: Any, place: Place, terms: Terms) -> list[Definition]:
    given = non_empty_list(value, place)
    return [_registration_info(item, (*place, index), terms) for index, item in enumerate(given)]


def _registration_info(value: Any, place: Place, terms: Terms) -> Definition:
    members = object_of(value, place)
    for earlier, name in _EARLIER_NAMES.items():
        if earlier in members and name not in members:
            members = {**members, name: members[earlier]}
            del members[earlier]
    _refuse_others(members, _INFO_MEMBERS, place)
    info: Definition = {}
    if "entities" in members:
        where = (*place, "entities")
        given = non_empty_list(members["entities"], where)
        info["entities"] = [
            _entity_info(item, (*where, index), terms) for index, item in enumerate(given)
        ]
    for name in ("propertyNames", "relationshipNames"):
        if name in members:
            info[name] = attribute_names(members[name], (*place, name), terms)
    if not info:
        raise refuse(place, "needs one of 'entities', 'propertyNames' and 'relationshipNames'")
    return info


def _refuse_others(members: Mapping[str, Any], known: tuple[str, ...], place: Place) -> None:
    """Refuse what a table has not: left out, the source would be asked for more than it has."""
    for name in members:
        if name not in known:
            raise refuse((*place, name), f"is unknown here; there are {', '.join(known)}")


def _entity_info(value: Any, place: Place, terms: Terms) -> Definition:
    members = node_of(value, place)
    _refuse_others(members, _ENTITY_MEMBERS, place)
    if "type" not in members:
        raise refuse((*place, "type"), "is missing: which type have the entities of the source?")
    info: Definition = {"type": _types(members["type"], (*place, "type"), terms)}
    if "id" in members:
        info["id"] = uri(members["id"], (*place, "id"))
    if "idPattern" in members:
        info["idPattern"] = regular_expression(members["idPattern"], (*place, "idPattern"))
    return info


def _types(value: Any, place: Place, terms: Terms) -> str | list[str]:
    if isinstance(value, list):
        given = non_empty_list(value, place)
        return [_type(item, (*place, index), terms) for index, item in enumerate(given)]
    return _type(value, place, terms)


def _type(value: Any, place: Place, terms: Terms) -> str:
    name = text(value, place)
    if not is_term(name, terms):
        raise refuse(place, f"is {name!r}, not the name of an entity type")
    return terms.expand(name)


def _endpoint(value: Any, place: Place) -> str:
    return url(value, place, ("http", "https"))


def _source_info(value: Any, place: Place) -> list[dict[str, str]]:
    pairs = key_value_pairs(value, place)
    check_header_pairs(pairs, place)
    for index, pair in enumerate(pairs):
        check = _SOURCE_INFO.get(pair["key"])
        if check is not None and pair["value"] != FROM_REQUEST:
            check(pair["value"], (*place, index, "value"))
    return pairs


def _geometry(value: Any, place: Place) -> Any:
    value = decoded(value)
    flaw = geometry_flaw(value)
    if flaw is not None:
        raise refuse((*place, *flaw.place), f"is not as it should be: {flaw.reason}")
    return value


def _interval(value: Any, place: Place) -> Definition:
    members = object_of(value, place)
    if "startAt" not in members:
        raise refuse((*place, "startAt"), "is missing: when does the interval begin?")
    interval = {
        name: date_time(members[name], (*place, name))
        for name in ("startAt", "endAt")
        if name in members
    }
    start, end = (canonical_time(interval.get(name, "")) for name in ("startAt", "endAt"))
    if end is not None and start is not None and end < start:
        raise refuse((*place, "endAt"), "is before 'startAt'")
    return interval


def _management(value: Any, place: Place) -> Definition:
    members = object_of(value, place)
    return {
        name: _MANAGEMENT[name](member, (*place, name))
        for name, member in members.items()
        if name in _MANAGEMENT
    }


def _operations(value: Any, place: Place) -> list[str]:
    given = non_empty_list(value, place)
    for index, item in enumerate(given):
        if not isinstance(item, str) or (item not in OPERATIONS and item not in GROUPS):
            groups = ", ".join(GROUPS)
            problem = f"is {item!r}; clause 4.20 lists the names of operations, and {groups}"
            raise refuse((*place, index), problem)
    return given


def _scopes(value: Any, place: Place) -> str | list[str]:
    given = non_empty_list(value, place) if isinstance(value, list) else [value]
    for index, item in enumerate(given):
        if not is_scope(item):
            where = (*place, index) if isinstance(value, list) else place
            raise refuse(where, f"is {item!r}, not a scope such as /Madrid/Gardens")
    scopes: str | list[str] = value
    return scopes


def _tenant(value: Any, place: Place) -> str:
    given = text(value, place)
    if not _TENANT.fullmatch(given):
        raise refuse(place, f"is {given!r}, which no header can carry")
    return given


_MANAGEMENT: Mapping[str, _Check] = {
    "cacheDuration": duration,
    "cooldown": positive_number,
    "localOnly": boolean,
    "timeout": positive_number,
}
_SOURCE_INFO: Mapping[str, _Check] = {
    "accept": lambda value, place: choice(value, place, _MEDIA_TYPES),
    "contentType": lambda value, place: choice(value, place, _MEDIA_TYPES),
    "jsonldContext": lambda value, place: url(value, place, ("http", "https")),
    "ngsildConformance": version_number,
}
"""The keys with a meaning of their own (clause 4.3.6.6)."""

_CHECKS: Mapping[str, _Check] = {
    "endpoint": _endpoint,
    "contextSourceInfo": _source_info,
    "contextSourceAlias": non_empty_text,
    "description": non_empty_text,
    "datasetId": dataset_ids,
    "expiresAt": date_time,
    "location": _geometry,
    "management": _management,
    "managementInterval": _interval,
    "mode": lambda value, place: choice(value, place, MODES),
    "observationInterval": _interval,
    "observationSpace": _geometry,
    "operations": _operations,
    "operationSpace": _geometry,
    "refreshRate": duration,
    "registrationName": non_empty_text,
    "scope": _scopes,
    "tenant": _tenant,
}
