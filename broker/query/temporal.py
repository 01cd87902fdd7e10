"""Temporal queries (clause 4.11), as far as intervals are compared with them (5.10.2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from broker.model.datetimes import canonical_time
from broker.model.errors import BadRequestData

TimeRelation = Literal["before", "after", "between"]
TimeProperty = Literal["observedAt", "createdAt", "modifiedAt", "deletedAt"]

TIME_MEMBERS = ("timerel", "timeAt", "endTimeAt", "timeproperty")
RELATIONS = ("before", "after", "between")
PROPERTIES = ("observedAt", "createdAt", "modifiedAt", "deletedAt")


@dataclass(frozen=True, slots=True)
class TimeQuery:
    """A relation in time, of one of the temporal properties; times in the fixed-width form."""

    relation: TimeRelation
    time_at: str
    end_time_at: str | None = None
    property: TimeProperty = "observedAt"


def parse_time_query(given: Mapping[str, Any]) -> TimeQuery | None:
    """Return the query of `timerel`, `timeAt`, `endTimeAt` and `timeproperty`, None without one.

    `timeproperty` alone is no query and passed over. Raises BadRequestData.
    """
    if all(given.get(name) is None for name in ("timerel", "timeAt", "endTimeAt")):
        return None
    relation = _one_of(given, "timerel", RELATIONS)
    end_time_at = None
    if relation == "between":
        end_time_at = _time(given, "endTimeAt")
    elif given.get("endTimeAt") is not None:
        raise BadRequestData("endTimeAt is for timerel=between")
    time_property = "observedAt"
    if given.get("timeproperty") is not None:
        time_property = _one_of(given, "timeproperty", PROPERTIES)
    return TimeQuery(
        relation=cast("TimeRelation", relation),
        time_at=_time(given, "timeAt"),
        end_time_at=end_time_at,
        property=cast("TimeProperty", time_property),
    )


def overlaps(query: TimeQuery, start: str, end: str | None) -> bool:
    """Say whether an interval (open without an end) has times that a query asks for (5.10.2.4).

    The clause says of `before` and `after` that their time lies in the interval; a source has such
    times as well where the interval ends before, or begins after it.
    """
    if query.relation != "after" and start > (query.end_time_at or query.time_at):
        return False
    return query.relation == "before" or end is None or query.time_at <= end


def _one_of(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name)
    if value is None:
        raise BadRequestData(f"a temporal query needs {name}, one of {', '.join(allowed)}")
    if value not in allowed:
        raise BadRequestData(f"{name} is one of {', '.join(allowed)}, not {value!r}")
    return str(value)


def _time(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        raise BadRequestData(f"the temporal query needs {name}, such as 2026-01-31T09:00:00Z")
    time = canonical_time(value) if isinstance(value, str) else None
    if time is None:
        raise BadRequestData(f"{name} is a DateTime such as 2026-01-31T09:00:00Z, not {value!r}")
    return time
