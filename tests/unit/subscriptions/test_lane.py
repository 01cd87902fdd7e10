"""The queue of one subscription: order, batches, superseded states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.changes.progress import Progress
from broker.storage.feed import Position
from broker.subscriptions.lane import HeldBytes, Item, Lane

entities = st.sampled_from(["a", "b", "c"])


def item(entity_id: str, version: int, *, profile: str = "p", size: int = 1) -> Item:
    return Item(entity_id, version, "0", profile, b"x" * size)


def lane_of(*items: Item, latest_only: bool = False, held: HeldBytes | None = None) -> Lane:
    lane = Lane(("", "urn:s:1"), latest_only=latest_only, held=held or HeldBytes())
    for one in items:
        lane.append(one)
    return lane


@given(st.lists(entities, max_size=30), st.integers(1, 10))
def test_batches_keep_the_order_and_never_repeat_an_entity(ids: list[str], most: int) -> None:
    queued = [item(entity_id, version) for version, entity_id in enumerate(ids)]
    held = HeldBytes()
    lane = lane_of(*queued, held=held)
    sent: list[Item] = []
    while batch := lane.take(most=most, most_bytes=1000):
        assert len({one.entity_id for one in batch}) == len(batch) <= most
        sent += batch
    assert sent == queued
    assert held.total == 0


@given(st.lists(entities, max_size=30))
def test_where_the_latest_counts_each_entity_waits_once(ids: list[str]) -> None:
    held = HeldBytes()
    queued = [item(one, number, size=number) for number, one in enumerate(ids)]
    lane = lane_of(*queued, latest_only=True, held=held)
    latest = {entity_id: version for version, entity_id in enumerate(ids)}
    assert {one.entity_id: one.version for one in lane.items} == latest
    assert len(lane.items) == len(latest)
    assert held.total == sum(len(one.body) for one in lane.items)


def test_a_superseded_item_lets_the_feed_go_on() -> None:
    progress = Progress()
    first, second = progress.begin(Position("1", "")), progress.begin(Position("2", ""))
    lane = lane_of(latest_only=True)
    for ticket, version in ((first, 1), (second, 2)):
        ticket.hold()
        lane.append(Item("a", version, "0", "p", b"x", ticket))
        ticket.release()
    assert progress.safe == Position("1", "")


def test_what_was_superseded_while_it_was_sent_is_not_put_back() -> None:
    lane = lane_of(item("a", 1), item("b", 1), latest_only=True)
    sent = lane.take(most=10, most_bytes=1000)
    lane.append(item("a", 2))
    lane.put_back(sent)
    assert [(one.entity_id, one.version) for one in lane.items] == [("b", 1), ("a", 2)]


def test_what_is_put_back_comes_first() -> None:
    held = HeldBytes()
    lane = lane_of(item("a", 1), item("b", 1), held=held)
    sent = lane.take(most=10, most_bytes=1000)
    lane.append(item("a", 2))
    lane.put_back(sent)
    assert [(one.entity_id, one.version) for one in lane.items] == [("a", 1), ("b", 1), ("a", 2)]
    assert held.total == 3


def test_lanes_that_share_a_count_hold_as_much_as_is_in_them() -> None:
    held = HeldBytes()
    one, other = lane_of(item("a", 1, size=5), held=held), lane_of(item("a", 1, size=7), held=held)
    assert held.total == 12
    one.drop()
    assert held.total == 7
    assert [len(each.body) for each in other.take_all()] == [7]
    assert held.total == 0


def test_a_notification_has_one_profile_and_a_size() -> None:
    lane = lane_of(item("a", 1), item("b", 1, profile="q"), item("c", 1, profile="q", size=10))
    assert [one.entity_id for one in lane.take(most=10, most_bytes=5)] == ["a"]
    assert [one.entity_id for one in lane.take(most=10, most_bytes=5)] == ["b"]
    assert [one.entity_id for one in lane.take(most=10, most_bytes=5)] == ["c"]
