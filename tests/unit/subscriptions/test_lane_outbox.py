"""An item is in memory or in the outbox at any moment, also when the database does not answer."""

from __future__ import annotations

import pytest

from broker.changes.progress import Progress
from broker.model.errors import DatabaseUnavailable
from broker.storage.feed import Position
from broker.subscriptions.lane import HeldBytes, Item, Lane
from broker.subscriptions.lane_outbox import LaneOutbox
from tests.unit.subscriptions.outbox import FailingOutbox


class Lanes:
    """A lane with items a, b, … of the feed, and the outbox under it."""

    def __init__(self, outbox: FailingOutbox, *entities: str, is_leading: bool = True) -> None:
        self.stored = outbox
        self.outbox = LaneOutbox(outbox, is_leading=lambda: is_leading, pause=0)
        self.held = HeldBytes()
        self.lane = Lane(("", "urn:s:1"), latest_only=False, held=self.held)
        self.progress = Progress()
        for version, entity_id in enumerate(entities, 1):
            ticket = self.progress.begin(Position(str(version), ""))
            ticket.hold()
            self.lane.append(Item(entity_id, version, "0", "p", b"{}", ticket))
            ticket.release()

    @property
    def place(self) -> str:
        """How far the feed may go on."""
        return self.progress.safe.token if self.progress.safe else ""

    @property
    def in_memory(self) -> list[str]:
        assert self.held.total == 2 * len(self.lane.items)
        return [one.entity_id for one in self.lane.items]


async def test_what_is_kept_lets_the_feed_go_on_and_is_found_again() -> None:
    lanes = Lanes(FailingOutbox(), "a", "b", "a")
    await lanes.outbox.keep(lanes.lane)
    assert (lanes.in_memory, lanes.lane.kept, lanes.place) == ([], 3, "3")
    found = await lanes.outbox.find(lanes.lane, most=10, most_bytes=1000)
    assert [one.kept for one in found] == ["a 1", "b 2"]  # each entity once a notification
    await lanes.outbox.delete(lanes.lane, found)
    assert (list(lanes.stored.kept), lanes.lane.kept) == (["a 3"], 1)


async def test_what_cannot_be_kept_stays_in_memory_in_its_order() -> None:
    lanes = Lanes(FailingOutbox("insert"), "a", "b")
    with pytest.raises(DatabaseUnavailable):
        await lanes.outbox.keep(lanes.lane)
    assert (lanes.in_memory, lanes.lane.kept, lanes.place) == (["a", "b"], 0, "")


async def test_who_does_not_lead_keeps_nothing() -> None:
    lanes = Lanes(FailingOutbox(), "a", is_leading=False)
    with pytest.raises(DatabaseUnavailable):
        await lanes.outbox.keep(lanes.lane)
    assert (lanes.in_memory, lanes.stored.kept, lanes.place) == (["a"], {}, "")


async def test_an_outbox_that_was_emptied_is_asked_no_more() -> None:
    lanes = Lanes(FailingOutbox())
    lanes.lane.kept = 2
    assert await lanes.outbox.find(lanes.lane, most=10, most_bytes=1000) == []
    assert not lanes.lane.has_work


async def test_what_cannot_be_cleared_is_still_counted() -> None:
    lanes = Lanes(FailingOutbox("clear"), "a")
    await lanes.outbox.keep(lanes.lane)
    with pytest.raises(DatabaseUnavailable):
        await lanes.outbox.clear(lanes.lane)
    assert lanes.lane.kept == 1
    await lanes.outbox.clear(lanes.lane)
    assert (lanes.lane.kept, lanes.stored.kept) == (0, {})


async def test_what_was_delivered_is_deleted_once_the_database_answers() -> None:
    lanes = Lanes(FailingOutbox("delete", "delete"), "a")
    await lanes.outbox.keep(lanes.lane)
    found = await lanes.outbox.find(lanes.lane, most=10, most_bytes=1000)
    await lanes.outbox.delete(lanes.lane, found)
    assert (lanes.stored.failing, lanes.stored.kept, lanes.lane.kept) == ([], {}, 0)


async def test_what_is_given_up_is_buried_with_its_reason() -> None:
    lanes = Lanes(FailingOutbox(), "a", "b")
    items = lanes.lane.take(most=1, most_bytes=1000)
    await lanes.outbox.bury(lanes.lane, items, "status 400")
    assert (lanes.stored.buried, lanes.in_memory, lanes.place) == (
        {"a 1": "status 400"},
        ["b"],
        "1",
    )


@pytest.mark.parametrize("method", ["insert", "bury"])
async def test_what_cannot_be_buried_waits_in_front(method: str) -> None:
    lanes = Lanes(FailingOutbox(method), "a", "b")
    items = lanes.lane.take(most=1, most_bytes=1000)
    with pytest.raises(DatabaseUnavailable):
        await lanes.outbox.bury(lanes.lane, items, "status 400")
    assert (lanes.stored.buried, lanes.in_memory, lanes.place) == ({}, ["a", "b"], "")


async def test_what_was_kept_and_is_given_up_counts_no_longer() -> None:
    lanes = Lanes(FailingOutbox("bury"), "a", "b")
    await lanes.outbox.keep(lanes.lane)
    found = await lanes.outbox.find(lanes.lane, most=1, most_bytes=1000)
    with pytest.raises(DatabaseUnavailable):
        await lanes.outbox.bury(lanes.lane, found, "status 400")
    assert (lanes.in_memory, lanes.lane.kept) == ([], 2)  # it is in the outbox still
    await lanes.outbox.bury(lanes.lane, found, "status 400")
    assert lanes.lane.kept == 1
