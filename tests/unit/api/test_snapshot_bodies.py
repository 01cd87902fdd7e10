"""Snapshots written, read and selected (clauses 5.2.41, 5.16.4, 5.16.7)."""

from __future__ import annotations

import pytest

from broker.api.snapshot_documents import present_snapshot
from broker.api.snapshot_filter import snapshot_filter
from broker.api.snapshot_reading import read_changes, read_clone, read_snapshot
from broker.contexts.context import core_context
from broker.model.errors import BadRequestData
from broker.model.snapshot import ExecutionDetails, Snapshot

TIME = "2026-01-01T00:00:00.000000Z"
QUERY = {"type": "Query", "entities": [{"type": "T"}]}
SNAPSHOT = Snapshot(
    key="0123456789ab",
    tenant="",
    id="urn:x:1",
    queries=(QUERY,),
    status="partial",
    priority=7,
    details=(ExecutionDetails("success"), ExecutionDetails("failure", "TooComplexQuery", "why")),
    created_at=TIME,
    modified_at=TIME,
    expires_at="2026-01-02T00:00:00.000000Z",
    last_used_at=TIME,
)


def test_what_was_written_is_read_and_shown_again():
    wish = read_snapshot(
        {
            "id": "urn:x:1",
            "type": "Snapshot",
            "snapshotQueries": [QUERY],
            "snapshotLifetime": "P1D",
            "endpoint": "mqtt://localhost/topic",
            "receiverInfo": [{"key": "a", "value": "b"}],
        },
        core_context(),
    )
    shown = present_snapshot(SNAPSHOT.evolve(**wish.members))
    assert wish.id == "urn:x:1"
    assert shown["snapshotQueries"] == [QUERY]
    assert shown["snapshotLifetime"] == "P1D"
    assert shown["endpoint"] == "mqtt://localhost/topic"
    assert shown["receiverInfo"] == [{"key": "a", "value": "b"}]


def test_failures_are_told_as_problem_details():
    success, failure = present_snapshot(SNAPSHOT)["snapshotQueriesDetails"]
    assert success == {"resultStatus": "success"}
    assert failure["problemDetails"]["type"].endswith("/TooComplexQuery")
    assert failure["problemDetails"]["detail"] == "why"
    strange = SNAPSHOT.evolve(details=(ExecutionDetails("failure", "datetime", "why"),))
    (told,) = present_snapshot(strange)["snapshotQueriesDetails"]
    assert told["problemDetails"]["type"].endswith("/InternalError")


def test_members_that_are_absent_are_left_out():
    shown = present_snapshot(SNAPSHOT.evolve(queries=(), details=()))
    assert set(shown) == {
        "id", "type", "snapshotPriority", "snapshotStatus", "createdAt", "modifiedAt",
        "expiresAt", "lastUsedAt",
    }  # fmt: skip


def test_a_fragment_names_what_changes():
    body = {"type": "Snapshot", "id": "urn:x:1", "snapshotPriority": 3, "snapshotStatus": "x"}
    assert read_changes(body, "urn:x:1") == {"priority": 3}
    removed = dict.fromkeys(
        ("snapshotPriority", "snapshotLifetime", "endpoint", "receiverInfo"), "urn:ngsi-ld:null"
    )
    assert read_changes(removed, "urn:x:1") == {
        "priority": 5,
        "lifetime": None,
        "endpoint": None,
        "receiver_info": (),
    }


def test_a_mistake_in_the_endpoint_is_told_at_the_endpoint():
    with pytest.raises(BadRequestData) as refused:
        read_clone({"type": "Snapshot", "endpoint": "nowhere"})
    assert refused.value.pointer == "/endpoint"
    assert refused.value.detail.startswith("'endpoint'")


@pytest.mark.parametrize(
    ("q", "fits"),
    [
        ("snapshotPriority>5", True),
        ("snapshotPriority==1..5", False),
        ('snapshotStatus=="partial","empty"', True),
        ('id=="urn:x:1"', True),
        ('type=="Snapshot"', True),
        ("createdAt<2026-01-02", True),
        ("lastUsedAt>2026-01-01T00:00:00Z", False),
        ("expiresAt==2026-01-02", True),
        ("endpoint|receiverInfo", False),
        ('snapshotQueries[type]=="Query"', True),
        ('snapshotQueriesDetails[resultStatus]=="failure";snapshotPriority!=5', True),
    ],
)
def test_a_query_over_snapshots_looks_at_their_members(q, fits):
    assert snapshot_filter(q)(SNAPSHOT) == fits


@pytest.mark.parametrize(
    "q", [None, "speed>1", "scope", "snapshotPriority.unitCode", "endpoint.id", "endpoint{id}==1",
          "(snapshotPriority>1;speed)", "snapshotPriority>"]
)  # fmt: skip
def test_a_query_about_anything_else_is_refused(q):
    with pytest.raises(BadRequestData):
        snapshot_filter(q)
