"""Which snapshots a `q` is about (clause 5.16.7)."""

from __future__ import annotations

from collections.abc import Callable

from broker.api.snapshot_documents import MEMBERS, present_snapshot
from broker.model.entity import Entity
from broker.model.errors import BadRequestData
from broker.model.snapshot import Snapshot
from broker.query.ast import And, Expression, Linked, Or
from broker.query.evaluate import compile_predicate
from broker.query.q_parser import parse_q


class _SnapshotTerms:
    """Names in a query over snapshots: the members of the data type and nothing else (4.9)."""

    def expand(self, term: str) -> str:
        """Return the name itself. Raises BadRequestData if it is none of a snapshot's."""
        if term not in MEMBERS and term != "Snapshot":
            raise BadRequestData(
                f"q: a snapshot has no member '{term}'; it has {', '.join(sorted(MEMBERS))}"
            )
        return term

    def defines(self, term: str) -> bool:
        """Return whether a snapshot has such a member."""
        return term in MEMBERS

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
