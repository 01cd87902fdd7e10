"""Snapshots as clients write them, checked (clauses 5.2.41, 5.2.42, 5.16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidict import MultiDict

from broker.api.application import ApiSettings
from broker.api.linking import check_depths
from broker.api.parameters import Parameters
from broker.api.posted_queries import posted_query
from broker.api.representation import posted_representation, required_attributes
from broker.api.snapshot_documents import MEMBERS, QUERIES, SETTABLE
from broker.contexts.context import Context
from broker.model.datetimes import canonical_time
from broker.model.durations import seconds_of_duration
from broker.model.entity import NULL
from broker.model.errors import BadRequestData, TooComplexQuery
from broker.model.names import is_uri
from broker.model.snapshot import DEFAULT_PRIORITY
from broker.operations.snapshot_filling import SnapshotQuery
from broker.operations.snapshots import SnapshotWish
from broker.representations.checks import node_of
from broker.subscriptions.reading_endpoint import read_endpoint

_MOST_QUERIES = 100
_NO_PARAMETERS = Parameters(MultiDict(), ())
_SOME_URL = "http://localhost"
_TIMERELS = ("before", "after", "between")


def read_snapshot(body: Any, context: Context) -> SnapshotWish:
    """Return what a Snapshot says that is to be created. Raises BadRequestData, TooComplexQuery."""
    members = _object(body)
    _check_type(members, is_needed=True)
    if not any(name in members for name in QUERIES):
        raise BadRequestData(
            "a snapshot needs snapshotQueries or snapshotTemporalQueries: what it is to hold"
        )
    queries = _queries(members, "snapshotQueries")
    for index, query in enumerate(queries):
        _read_at(f"/snapshotQueries/{index}", query, context)
    temporal_queries = _queries(members, "snapshotTemporalQueries")
    for index, query in enumerate(temporal_queries):
        _check_temporal(query, f"/snapshotTemporalQueries/{index}", context)
    fields = {
        "queries": tuple(queries),
        "temporal_queries": tuple(temporal_queries),
        "context": context.reference,
    }
    return SnapshotWish(_id(members), fields | _fields(members))


def read_clone(body: Any) -> SnapshotWish:
    """Return what a Snapshot says that is to be a clone of another. Raises BadRequestData."""
    members = _object(body)
    _check_type(members, is_needed=True)
    _refuse_queries(members, "a clone has the queries of its original")
    return SnapshotWish(_id(members), _fields(members))


def read_changes(body: Any, snapshot_id: str) -> dict[str, Any]:
    """Return what a Snapshot fragment changes (5.16.4). Raises BadRequestData."""
    members = _object(body)
    if not members:
        raise BadRequestData("the fragment is empty; it says what is to change of the snapshot")
    _check_type(members, is_needed=False)
    if members.get("id", snapshot_id) != snapshot_id:
        raise BadRequestData("the id of a snapshot cannot be changed", pointer="/id")
    _refuse_queries(members, "the queries of a snapshot cannot be changed")
    removed = {name for name in SETTABLE if members.get(name) == NULL}
    kept = {name: value for name, value in members.items() if name not in removed}
    without: dict[str, dict[str, Any]] = {
        "snapshotLifetime": {"lifetime": None},
        "snapshotPriority": {"priority": DEFAULT_PRIORITY},
        "endpoint": {"endpoint": None},
        "receiverInfo": {"receiver_info": ()},
    }
    changes = _fields(kept)
    for name in removed:
        changes |= without[name]
    return changes


def read_snapshot_query(body: Any, context: Context) -> SnapshotQuery:
    """Return a Query (5.2.23) of a snapshot. Raises BadRequestData, TooComplexQuery."""
    wanted = posted_representation(body, _NO_PARAMETERS, context, "application/json")
    query = posted_query(body, _NO_PARAMETERS, context, ApiSettings())
    check_depths(wanted.join, wanted.options, query.condition)
    query = query.evolve(attributes=query.attributes or required_attributes(wanted))
    return SnapshotQuery(query, wanted.options, wanted.join.links if wanted.join else None)


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadRequestData("the body is a JSON object of type Snapshot")
    members = node_of(body, ())
    for name in members.keys() - MEMBERS - {"@context"}:
        raise BadRequestData(f"a snapshot has no member '{name}'", pointer=f"/{name}")
    return members


def _check_type(members: Mapping[str, Any], *, is_needed: bool) -> None:
    if members.get("type", None if is_needed else "Snapshot") != "Snapshot":
        raise BadRequestData("the member type of a snapshot is 'Snapshot'", pointer="/type")


def _id(members: Mapping[str, Any]) -> str | None:
    if "id" not in members:
        return None
    if not is_uri(members["id"]):
        raise BadRequestData(
            "the id of a snapshot is a URI such as urn:ngsi-ld:Snapshot:1", pointer="/id"
        )
    return str(members["id"])


def _refuse_queries(members: Mapping[str, Any], reason: str) -> None:
    for name in QUERIES:
        if name in members:
            raise BadRequestData(f"{reason}; leave '{name}' out", pointer=f"/{name}")


def _queries(members: Mapping[str, Any], name: str) -> list[Any]:
    queries = members.get(name, [])
    if not isinstance(queries, list) or (name in members and not queries):
        raise BadRequestData(
            f"'{name}' is an array of queries with at least one element", pointer=f"/{name}"
        )
    if len(queries) > _MOST_QUERIES:
        raise BadRequestData(
            f"'{name}' has {len(queries)} elements; a snapshot has at most {_MOST_QUERIES}",
            pointer=f"/{name}",
        )
    return queries


def _read_at(pointer: str, query: Any, context: Context) -> None:
    try:
        _ = read_snapshot_query(query, context)
    except (BadRequestData, TooComplexQuery) as error:
        raise type(error)(
            f"{pointer[1:]}: {error.detail}", pointer=pointer + (error.pointer or "")
        ) from error


def _check_temporal(query: Any, pointer: str, context: Context) -> None:
    if not isinstance(query, dict) or not isinstance(query.get("temporalQ"), dict):
        raise BadRequestData(
            "a temporal query is a Query with a member 'temporalQ'", pointer=pointer
        )
    rest = {name: query[name] for name in query if name not in {"temporalQ", "aggrParams"}}
    _read_at(pointer, rest, context)
    temporal = query["temporalQ"]
    if temporal.get("timerel") not in _TIMERELS:
        raise BadRequestData(
            f"timerel is one of {', '.join(_TIMERELS)}", pointer=f"{pointer}/temporalQ/timerel"
        )
    times = ("timeAt", "endTimeAt") if temporal["timerel"] == "between" else ("timeAt",)
    for name in times:
        value = temporal.get(name)
        if not isinstance(value, str) or canonical_time(value) is None:
            raise BadRequestData(
                f"{name} is a time such as 2026-01-31T09:00:00Z, not {value!r:.100}",
                pointer=f"{pointer}/temporalQ/{name}",
            )


def _fields(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a snapshot that clients may set and change."""
    fields: dict[str, Any] = {}
    if "snapshotLifetime" in members:
        fields["lifetime"] = _lifetime(members["snapshotLifetime"])
    if "snapshotPriority" in members:
        fields["priority"] = _priority(members["snapshotPriority"])
    if "endpoint" in members:
        fields["endpoint"] = _endpoint(members["endpoint"])
    if "receiverInfo" in members:
        uri = fields.get("endpoint", _SOME_URL)
        pairs = read_endpoint({"uri": uri, "receiverInfo": members["receiverInfo"]}, ())
        fields["receiver_info"] = tuple(
            (pair["key"], pair["value"]) for pair in pairs["receiverInfo"]
        )
    return fields


def _lifetime(value: Any) -> str:
    if not isinstance(value, str) or not seconds_of_duration(value):
        raise BadRequestData(
            f"snapshotLifetime is a duration (ISO 8601) such as P1D, not {value!r:.100}",
            pointer="/snapshotLifetime",
        )
    return value


def _priority(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 10:
        raise BadRequestData(
            f"snapshotPriority is a whole number from 1 to 10, not {value!r:.100}",
            pointer="/snapshotPriority",
        )
    return value


def _endpoint(value: Any) -> str:
    try:
        return str(read_endpoint({"uri": value}, ())["uri"])
    except BadRequestData as error:
        detail = error.detail.replace("'uri'", "'endpoint'")
        raise BadRequestData(detail, pointer="/endpoint") from error
