"""Snapshots as clients write and read them (clauses 5.2.41, 5.2.42), and queries over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multidict import MultiDict

from broker.api.application import ApiSettings
from broker.api.linking import check_depths
from broker.api.parameters import Parameters
from broker.api.posted_queries import posted_query
from broker.api.problems import problem_details
from broker.api.representation import posted_representation, required_attributes
from broker.contexts.context import Context
from broker.model import errors
from broker.model.datetimes import canonical_time
from broker.model.durations import seconds_of_duration
from broker.model.entity import NULL, Entity
from broker.model.errors import BadRequestData, NgsiLdError, TooComplexQuery
from broker.model.names import is_uri
from broker.model.snapshot import DEFAULT_PRIORITY, ExecutionDetails, Snapshot
from broker.operations.snapshot_filling import SnapshotQuery
from broker.operations.snapshots import SnapshotWish
from broker.query.ast import And, Expression, Linked, Or
from broker.query.evaluate import compile_predicate
from broker.query.q_parser import parse_q
from broker.representations.checks import node_of
from broker.subscriptions.reading_endpoint import read_endpoint

MOST_QUERIES = 100
_QUERIES = ("snapshotQueries", "snapshotTemporalQueries")
_SETTABLE = ("snapshotLifetime", "snapshotPriority", "endpoint", "receiverInfo")
_OUTPUT_ONLY = frozenset(
    {
        "snapshotStatus", "snapshotQueriesDetails", "snapshotTemporalQueriesDetails", "createdAt",
        "modifiedAt", "expiresAt", "lastUsedAt",
    }
)  # fmt: skip
_MEMBERS = frozenset({"id", "type", *_QUERIES, *_SETTABLE, *_OUTPUT_ONLY})
_NO_PARAMETERS = Parameters(MultiDict(), ())
_SOME_URL = "http://localhost"
_TIMERELS = ("before", "after", "between")


# -------------------------------------------------------------------------------------- reading


def read_snapshot(body: Any, context: Context) -> SnapshotWish:
    """Return what a Snapshot says that is to be created. Raises BadRequestData, TooComplexQuery."""
    members = _object(body)
    _check_type(members, is_needed=True)
    if not any(name in members for name in _QUERIES):
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
    removed = {name for name in _SETTABLE if members.get(name) == NULL}
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
    for name in members.keys() - _MEMBERS - {"@context"}:
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
    for name in _QUERIES:
        if name in members:
            raise BadRequestData(f"{reason}; leave '{name}' out", pointer=f"/{name}")


def _queries(members: Mapping[str, Any], name: str) -> list[Any]:
    queries = members.get(name, [])
    if not isinstance(queries, list) or (name in members and not queries):
        raise BadRequestData(
            f"'{name}' is an array of queries with at least one element", pointer=f"/{name}"
        )
    if len(queries) > MOST_QUERIES:
        raise BadRequestData(
            f"'{name}' has {len(queries)} elements; a snapshot has at most {MOST_QUERIES}",
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


# -------------------------------------------------------------------------------------- writing


def present_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON, without an @context; queries are given back as written."""
    body: dict[str, Any] = {"id": snapshot.id, "type": "Snapshot"}
    optional = {
        "snapshotQueries": list(snapshot.queries),
        "snapshotTemporalQueries": list(snapshot.temporal_queries),
        "snapshotLifetime": snapshot.lifetime,
        "endpoint": snapshot.endpoint,
        "receiverInfo": [{"key": key, "value": value} for key, value in snapshot.receiver_info],
        "snapshotQueriesDetails": [_details(each) for each in snapshot.details],
        "snapshotTemporalQueriesDetails": [_details(each) for each in snapshot.temporal_details],
    }
    body |= {name: value for name, value in optional.items() if value}
    return body | {
        "snapshotPriority": snapshot.priority,
        "snapshotStatus": snapshot.status,
        "createdAt": snapshot.created_at,
        "modifiedAt": snapshot.modified_at,
        "expiresAt": snapshot.expires_at,
        "lastUsedAt": snapshot.last_used_at,
    }


def _details(details: ExecutionDetails) -> dict[str, Any]:
    if details.error is None:
        return {"resultStatus": details.status}
    kind = getattr(errors, details.error, errors.InternalError)
    error = kind(details.detail) if issubclass(kind, NgsiLdError) else None
    shown = problem_details(error or errors.InternalError(details.detail))
    return {"resultStatus": details.status, "problemDetails": shown}


# -------------------------------------------------------------------------------------- finding


class _SnapshotTerms:
    """Names in a query over snapshots: the members of the data type and nothing else (4.9)."""

    def expand(self, term: str) -> str:
        """Return the name itself. Raises BadRequestData if it is none of a snapshot's."""
        if term not in _MEMBERS and term != "Snapshot":
            raise BadRequestData(
                f"q: a snapshot has no member '{term}'; it has {', '.join(sorted(_MEMBERS))}"
            )
        return term

    def defines(self, term: str) -> bool:
        """Return whether a snapshot has such a member."""
        return term in _MEMBERS

    def compact(self, iri: str) -> str:
        """Return the name itself."""
        return iri


_TERMS = _SnapshotTerms()


def snapshot_filter(text: str | None) -> Callable[[Snapshot], bool]:
    """Return whether a snapshot fits a q (5.16.7). Raises BadRequestData, TooComplexQuery."""
    if text is None:
        raise BadRequestData(
            "the URI parameter 'q' says which snapshots go, for example q=snapshotPriority<5"
        )
    expression = parse_q(text, _TERMS)
    _check_members(expression)
    fits = compile_predicate(expression)
    return lambda snapshot: fits(_as_entity(snapshot))


def _check_members(expression: Expression) -> None:
    """Refuse what only entities have: scopes, relationships, sub-attributes."""
    if isinstance(expression, And | Or):
        for operand in expression.operands:
            _check_members(operand)
        return
    if isinstance(expression, Linked):
        raise BadRequestData("q: a snapshot has no relationships")
    path = expression.path
    if path.member == "scope":
        raise BadRequestData("q: a snapshot has no member 'scope'")
    if len(path.names) > 1 or (path.names and path.member is not None):
        raise BadRequestData("q: what is inside a member is written member[name]")


def _as_entity(snapshot: Snapshot) -> Entity:
    members = present_snapshot(snapshot)
    return Entity(
        id=snapshot.id,
        types=("Snapshot",),
        attributes={
            name: [{"type": "Property", "value": value}] for name, value in members.items()
        },
        created_at=snapshot.created_at,
        modified_at=snapshot.modified_at,
        expires_at=snapshot.expires_at,
    )
