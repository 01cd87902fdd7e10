"""One batch request: its body, and which item the broker's answer is about. Pure.

Clause 5.5.11 lets a batch hold several instances of one entity, processed in their order. The
answer names entities by id only, so an error for an id that occurs more often than it has errors
cannot be attributed; such items are sent again one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from adapters.runtime.broker_client import Answer
from adapters.runtime.errors import Rejected

WriteMode = Literal["update", "replace", "merge"]

REFUSED = frozenset({400, 409, 410, 413, 415, 422})
FAULTS = frozenset({500, 501, 505})


class Written(StrEnum):
    """What became of an entity that was handed to the writer."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Again:
    """The item was not written and should be sent again; `alone` by itself."""

    reason: str
    alone: bool = False


Outcome: TypeAlias = Written | Rejected | Again


def request_of(mode: WriteMode) -> tuple[str, dict[str, str]]:
    """Return path and parameters of the batch operation (clauses 6.15, 6.31)."""
    if mode == "merge":
        return "/entityOperations/merge", {}
    return "/entityOperations/upsert", {"options": mode}


def body_of(items: Iterable[bytes]) -> bytes:
    """Return the request body for entities that are already serialised."""
    return b"[" + b",".join(items) + b"]"


def outcomes(ids: Sequence[str], answer: Answer) -> list[Outcome]:
    """Say for every item of a batch, in order, what a 2xx answer means for it."""
    body = answer.json()
    if answer.status == 207 or isinstance(body, dict):
        return _multi_status(ids, body if isinstance(body, dict) else {})
    created = set(body) if answer.status == 201 and isinstance(body, list) else set()
    return [_first_created(one, created) for one in ids]


def _first_created(entity_id: str, created: set[str]) -> Written:
    if entity_id in created:
        created.remove(entity_id)
        return Written.CREATED
    return Written.UPDATED


def _multi_status(ids: Sequence[str], body: Mapping[str, Any]) -> list[Outcome]:
    problems: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for error in body.get("errors") or []:
        problems[error.get("entityId", "")].append(error.get("error") or {})
    succeeded = set(body.get("success") or [])
    occurrences: dict[str, int] = defaultdict(int)
    for one in ids:
        occurrences[one] += 1
    return [
        _one_status(one, problems.get(one, []), occurrences[one], known=one in succeeded)
        for one in ids
    ]


def _one_status(
    entity_id: str, problems: list[Mapping[str, Any]], occurrences: int, *, known: bool
) -> Outcome:
    if not problems:
        if known:
            return Written.UPDATED
        return Again("the broker's answer does not mention it", alone=True)
    if len(problems) < occurrences:
        return Again("one of several instances in the batch failed", alone=True)
    problem = problems.pop(0)
    problems.append(problem)
    status = problem.get("status")
    if isinstance(status, int) and (status == 429 or status >= 500):
        return Again(str(problem.get("detail") or problem.get("title") or status))
    return Rejected(entity_id, problem)
