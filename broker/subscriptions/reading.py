"""Subscriptions as clients write them: checked and reduced to a definition (clause 5.2.12).

Members the standard does not know, and those only the broker writes, are left out; everything else
that is wrong is refused with the place (a JSON pointer) and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from broker.model.datetimes import canonical_time
from broker.model.entity import NULL
from broker.model.errors import BadRequestData
from broker.model.subscription import TRIGGERS
from broker.model.terms import Terms
from broker.query.temporal import TIME_MEMBERS, parse_time_query
from broker.representations.checks import (
    Place,
    attribute_name,
    attribute_names,
    boolean,
    choice,
    dataset_ids,
    date_time,
    node_of,
    non_empty_list,
    non_empty_text,
    object_of,
    positive_integer,
    positive_number,
    refuse,
    regular_expression,
    text,
    uri,
    version_number,
    with_current_names,
)
from broker.subscriptions.reading_endpoint import read_endpoint

Definition = dict[str, Any]
_Check = Callable[[Any, Place], Any]

_FORMATS = ("normalized", "concise", "simplified", "keyValues")
_ENTITY_MEMBERS = frozenset({"id", "type", "scope"})
_NAME_IN_TYPES = re.compile(r"[^|,;()\s]+")
_NAME_IN_PROJECTION = re.compile(r"[^|,{}\s]+")


def read_subscription(body: Any, terms: Terms, *, now: str) -> Definition:
    """Return the definition of a new subscription; raises BadRequestData.

    `now` is the time in the fixed-width form: what expires before it is refused.
    """
    members = with_current_names(node_of(body, ()))
    if "type" not in members:
        raise refuse(("type",), 'is missing; a subscription has "type": "Subscription"')
    definition = _read_members(members, terms)
    if "id" in members:
        definition["id"] = uri(members["id"], ("id",))
    check_whole(definition)
    if "expiresAt" in definition:
        check_expiry(definition["expiresAt"], now)
    return definition


def read_fragment(body: Any, terms: Terms, *, subscription_id: str) -> Definition:
    """Return the members a subscription fragment changes (clause 5.8.2); NULL removes one."""
    members = dict(with_current_names(node_of(body, ())))
    if members.get("id", subscription_id) != subscription_id:
        raise refuse(("id",), f"differs from the subscription in the path, {subscription_id}")
    members.pop("id", None)
    removed = {name: NULL for name, value in members.items() if value == NULL}
    for name in removed:
        if name in {"notification", "type"}:
            raise refuse((name,), "is mandatory and cannot be removed")
    kept = {name: value for name, value in members.items() if name not in removed}
    return _read_members(kept, terms) | {name: NULL for name in removed if name in _MEMBERS}


def check_whole(definition: Mapping[str, Any]) -> None:
    """Check the rules that concern several members (Table 5.2.12-1); raises BadRequestData."""
    if "notification" not in definition:
        raise refuse(("notification",), "is missing: say where notifications go")
    is_local = definition.get("localOnly", False)
    if "entities" not in definition and "watchedAttributes" not in definition and not is_local:
        raise refuse((), "needs 'entities' or 'watchedAttributes' (or both), or 'localOnly': true")
    if "timeInterval" not in definition:
        return
    for name in ("watchedAttributes", "throttling"):
        if name in definition:
            raise refuse((name,), "cannot go together with 'timeInterval'; remove one of them")
    if "entities" not in definition and not is_local:
        raise refuse(("entities",), "is missing: 'timeInterval' needs it")


def check_expiry(expires_at: str, now: str) -> None:
    """Raise BadRequestData if a time is not in the future."""
    if (canonical_time(expires_at) or now) <= now:
        raise refuse(("expiresAt",), f"is {expires_at}, which is in the past; now is {now}")


def expand_types(expression: str, terms: Terms) -> str:
    """Return a type selection with every name expanded (clause 4.17); `*` stays.

    Beyond the grammar, parentheses around all alternatives, `(A|B)`, are taken away.
    """
    expression = expression.strip()
    inner = expression[1:-1]
    if expression == f"({inner})" and not any(character in inner for character in "();"):
        expression = inner
    if expression == "*":
        return "*"
    return _NAME_IN_TYPES.sub(lambda name: terms.expand(name[0]), expression)


def compact_types(expression: str, terms: Terms) -> str:
    """Return a type selection with every name compacted."""
    if expression.strip() == "*":
        return "*"
    return _NAME_IN_TYPES.sub(lambda name: terms.compact(name[0]), expression)


def expand_projection(term: str, terms: Terms) -> str:
    """Return an element of pick or omit with every attribute name expanded (clause 4.21)."""
    return _NAME_IN_PROJECTION.sub(lambda name: _expand_member(name[0], terms), term)


def compact_projection(term: str, terms: Terms) -> str:
    """Return an element of pick or omit with every attribute name compacted."""
    return _NAME_IN_PROJECTION.sub(
        lambda name: name[0] if name[0] in _ENTITY_MEMBERS else terms.compact(name[0]), term
    )


def _expand_member(name: str, terms: Terms) -> str:
    return name if name in _ENTITY_MEMBERS else terms.expand(name)


# -------------------------------------------------------------------------------------- members


def _read_members(members: Mapping[str, Any], terms: Terms) -> Definition:
    if members.get("type", "Subscription") != "Subscription":
        raise refuse(("type",), f'is {members["type"]!r}; it has to be "Subscription"')
    definition: Definition = {}
    for name, value in members.items():
        if name in _CHECKS:
            definition[name] = _CHECKS[name](value, (name,))
        elif name in _READERS:
            definition[name] = _READERS[name](value, (name,), terms)
    return definition


def _triggers(value: Any, place: Place) -> list[str]:
    given = non_empty_list(value, place)
    return [choice(item, (*place, index), TRIGGERS) for index, item in enumerate(given)]


def _entities(value: Any, place: Place, terms: Terms) -> list[Definition]:
    given = non_empty_list(value, place)
    return [_selector(item, (*place, index), terms) for index, item in enumerate(given)]


def _selector(value: Any, place: Place, terms: Terms) -> Definition:
    members = node_of(value, place)
    selector: Definition = {}
    if "id" in members:
        selector["id"] = _ids(members["id"], (*place, "id"))
    if "idPattern" in members:
        selector["idPattern"] = regular_expression(members["idPattern"], (*place, "idPattern"))
    if "type" not in members:
        raise refuse((*place, "type"), 'is missing; "*" selects every type')
    types = members["type"]
    if isinstance(types, list):  # not in the standard, but what many clients mean by it is clear
        given = non_empty_list(types, (*place, "type"))
        types = ",".join(non_empty_text(name, (*place, "type")) for name in given)
    selector["type"] = expand_types(non_empty_text(types, (*place, "type")), terms)
    return selector


def _ids(value: Any, place: Place) -> str | list[str]:
    if isinstance(value, list):
        given = non_empty_list(value, place)
        return [uri(item, (*place, index)) for index, item in enumerate(given)]
    return uri(value, place)


def _geo_query(value: Any, place: Place, terms: Terms) -> Definition:
    members = object_of(value, place)
    query: Definition = {}
    for name in ("geometry", "georel"):
        if name not in members:
            raise refuse((*place, name), "is missing")
        query[name] = non_empty_text(members[name], (*place, name))
    if not isinstance(members.get("coordinates"), list | str):
        raise refuse((*place, "coordinates"), "has to be an array (or a text that holds one)")
    query["coordinates"] = members["coordinates"]
    if "geoproperty" in members:
        query["geoproperty"] = terms.expand(
            attribute_name(members["geoproperty"], (*place, "geoproperty"))
        )
    return query


def _temporal_query(value: Any, place: Place) -> Definition:
    members = object_of(value, place)
    query = {name: members[name] for name in TIME_MEMBERS if name in members}
    try:
        time = parse_time_query(query)
    except BadRequestData as error:
        raise refuse(place, f"cannot be used: {error.detail}") from error
    if time is None:
        raise refuse(place, "needs 'timerel' and 'timeAt'")
    return query


# --------------------------------------------------------------------------------- notification


def _notification(value: Any, place: Place, terms: Terms) -> Definition:
    members = object_of(value, place)
    if "endpoint" not in members:
        raise refuse((*place, "endpoint"), "is missing: say where notifications go")
    notification: Definition = {
        "endpoint": read_endpoint(members["endpoint"], (*place, "endpoint"))
    }
    for name, check in _NOTIFICATION_CHECKS.items():
        if name in members:
            notification[name] = check(members[name], (*place, name))
    if "attributes" in members:
        notification["attributes"] = _attributes(
            members["attributes"], (*place, "attributes"), terms
        )
    for name in ("pick", "omit"):
        if name in members:
            notification[name] = _projection(members[name], (*place, name), terms)
    _check_notification(notification, place)
    return notification


def _attributes(value: Any, place: Place, terms: Terms) -> list[str]:
    given = non_empty_list(value, place)
    for index, item in enumerate(given):
        if item in _ENTITY_MEMBERS:
            raise refuse((*place, index), f"is {item!r}; use 'pick' to select it")
    return attribute_names(given, place, terms)


def _projection(value: Any, place: Place, terms: Terms) -> list[str]:
    given = non_empty_list(value, place)
    return [
        expand_projection(non_empty_text(item, (*place, index)), terms)
        for index, item in enumerate(given)
    ]


def _check_notification(notification: Mapping[str, Any], place: Place) -> None:
    for name in ("pick", "omit"):
        if "attributes" in notification and name in notification:
            raise refuse((*place, name), "cannot go together with 'attributes'")
    both = set(notification.get("pick", ())) & set(notification.get("omit", ()))
    if both:
        raise refuse((*place, "omit"), f"names {sorted(both)[0]!r}, which 'pick' asks for")
    if notification.get("showChanges") and notification.get("format") in {
        "simplified",
        "keyValues",
    }:
        raise refuse(
            (*place, "showChanges"), "needs the format normalized or concise, not simplified"
        )


_NOTIFICATION_CHECKS: Mapping[str, _Check] = {
    "format": lambda value, place: choice(value, place, _FORMATS),
    "join": lambda value, place: choice(value, place, ("flat", "inline", "@none")),
    "joinLevel": positive_integer,
    "showChanges": boolean,
    "sysAttrs": boolean,
}
_CHECKS: Mapping[str, _Check] = {
    "notificationTrigger": _triggers,
    "q": non_empty_text,
    "scopeQ": non_empty_text,
    "temporalQ": _temporal_query,
    "csf": non_empty_text,
    "datasetId": dataset_ids,
    "description": text,
    "subscriptionName": text,
    "expandValues": non_empty_text,
    "jsonKeys": non_empty_text,
    "expiresAt": date_time,
    "isActive": boolean,
    "jsonldContext": uri,
    "lang": non_empty_text,
    "localOnly": boolean,
    "splitEntities": boolean,
    "ngsildConformance": version_number,
    "throttling": positive_number,
    "timeInterval": positive_number,
}
_READERS: Mapping[str, Callable[[Any, Place, Terms], Any]] = {
    "entities": _entities,
    "watchedAttributes": attribute_names,
    "geoQ": _geo_query,
    "notification": _notification,
}
_MEMBERS: Collection[str] = _CHECKS.keys() | _READERS.keys()
