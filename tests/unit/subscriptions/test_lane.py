"""The queue of one subscription: order, batches, superseded states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.changes.progress import Progress
from broker.storage.feed import Position
from broker.subscriptions.lane import Item, Lane

entities = st.sampled_from(["a", "b", "c"])


def item(entity_id: str, version: int, *, profile: str = "p", size: int = 1) -> Item:
    return Item(entity_id, version, "0", profile, b"x" * size)


def lane_of(*items: Item, latest_only: bool = False) -> Lane:
    lane = Lane(("", "urn:s:1"), latest_only=latest_only)
    for one in items:
        lane.append(one)
    return lane


@given(st.lists(entities, max_size=30), st.integers(1, 10))
def test_batches_keep_the_order_and_never_repeat_an_entity(ids: list[str], most: int) -> None:
    queued = [item(entity_id, version) for version, entity_id in enumerate(ids)]
    lane = lane_of(*queued)
    sent: list[Item] = []
    while batch := lane.take(most=most, most_bytes=1000):
        assert len({one.entity_id for one in batch}) == len(batch) <= most
        sent += batch
    assert sent == queued
    assert lane.bytes_held == 0


@given(st.lists(entities, max_size=30))
def test_where_the_latest_counts_each_entity_waits_once(ids: list[str]) -> None:
    lane = lane_of(*[item(one, number) for number, one in enumerate(ids)], latest_only=True)
    latest = {entity_id: version for version, entity_id in enumerate(ids)}
    assert {one.entity_id: one.version for one in lane.items} == latest
    assert len(lane.items) == len(latest)
    assert lane.bytes_held == sum(len(one.body) for one in lane.items)


def test_a_superseded_item_lets_the_feed_go_on() -> None:
    progress = Progress()
    first, second = progress.begin(Position("1", "")), progress.begin(Position("2", ""))
    lane = Lane(("", "urn:s:1"), latest_only=True)
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
    lane = lane_of(item("a", 1), item("b", 1))
    sent = lane.take(most=10, most_bytes=1000)
    lane.append(item("a", 2))
    lane.put_back(sent)
    assert [(one.entity_id, one.version) for one in lane.items] == [("a", 1), ("b", 1), ("a", 2)]
    assert lane.bytes_held == 3


def test_a_notification_has_one_profile_and_a_size() -> None:
    lane = lane_of(item("a", 1), item("b", 1, profile="q"), item("c", 1, profile="q", size=10))
    assert [one.entity_id for one in lane.take(most=10, most_bytes=5)] == ["a"]
    assert [one.entity_id for one in lane.take(most=10, most_bytes=5)] == ["b"]
    assert [one.entity_id for one in lane.take(most=10, most_bytes=5)] == ["c"]
