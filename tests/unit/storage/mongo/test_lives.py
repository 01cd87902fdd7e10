"""Which records of changes follow on one another, whatever the clocks say."""

from __future__ import annotations

from typing import Any

import pytest

from broker.model.changes import Change
from broker.storage.mongo.documents import records_between
from broker.storage.mongo.lives import group_before, records_after

ID = "urn:ngsi-ld:Sensor:1"
FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def record(version: int, at: str, life: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a record; one without a life is named as those are that follow on one."""
    kind = "entityCreated" if version == 1 else "entityUpdated"
    name = f"{ID} {version:010d} {life or f'#{at}'}"
    return {"_id": name, "g": at, "e": ID, "v": version, "k": kind, "at": at, **members}


def change(version: int, at: str) -> Change:
    return Change(ID, ("urn:t:Sensor",), version, "entityUpdated", at)


EARLIER = [
    record(1, FIRST),
    record(2, "2026-01-01T09:00:00Z", FIRST),
    record(3, "2026-01-01T10:00:00Z", FIRST, k="entityDeleted"),
]
LATER = [
    record(1, SECOND),
    record(2, "2026-01-02T05:00:00Z", SECOND),
    record(3, "2026-01-02T04:00:00Z", SECOND),
    record(4, "2026-01-01T09:30:00Z", SECOND),
]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (change(2, "2026-01-01T09:00:00Z"), EARLIER[2:]),
        (change(2, "2026-01-02T05:00:00Z"), LATER[2:]),
        (change(1, SECOND), LATER[1:]),
        (change(3, "2026-01-01T10:00:00Z"), []),
        (change(2, "2026-01-03T00:00:00Z"), []),
    ],
)
def test_what_follows_is_of_the_same_life(asked: Change, expected: list[dict[str, Any]]) -> None:
    assert records_after(asked, [*LATER, *EARLIER]) == expected


def test_what_was_written_together_is_of_one_life() -> None:
    at = "2026-01-02T06:00:00Z"
    together = [
        record(4, at, SECOND, k="entityDeleted"),
        record(1, at, q=1, k="entityCreated"),
        record(2, at, q=2),
        record(3, at, q=3),
        record(4, "2026-01-01T00:00:00Z", at),
    ]
    asked = change(3, at)
    seen = [one for one in together if one["v"] >= 3]
    assert group_before(asked, seen) == {**records_between(ID, 0, 2), "g": at}
    assert records_after(asked, together) == together[4:]
    assert group_before(change(4, at), together) is None
