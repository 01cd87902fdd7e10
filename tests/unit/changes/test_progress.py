"""The place that is stored never runs ahead of what is done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.changes.progress import Progress
from broker.storage.feed import Position


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.randoms())
def test_a_place_is_safe_when_everything_before_it_is_done(holds: list[int], random) -> None:
    progress = Progress()
    positions = [Position(str(number), "") for number in range(len(holds))]
    tickets = [progress.begin(position) for position in positions]
    for ticket, count in zip(tickets, holds, strict=True):
        for _ in range(count - 1):
            ticket.hold()
    left = list(holds)
    releases = [number for number, count in enumerate(holds) for _ in range(count)]
    random.shuffle(releases)
    for number in releases:
        tickets[number].release()
        left[number] -= 1
        done = next((place for place, count in enumerate(left) if count), len(left))
        assert progress.safe == (positions[done - 1] if done else None)
