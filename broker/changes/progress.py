"""How far the consumers of the feed have come: which position can be stored and nothing is lost.

Work that an event causes may end long after the event was read, and out of order. A `Ticket` stands
for one batch of events; the position after a batch is safe once this ticket and all before it are
released.
"""

from __future__ import annotations

from collections import deque

from broker.storage.feed import Position


class Ticket:
    """Counts what a batch of events still waits for; it begins with one hold, its reader's."""

    __slots__ = ("_holds", "_progress", "position")

    def __init__(self, progress: Progress, position: Position) -> None:
        self._progress = progress
        self._holds = 1
        self.position = position

    @property
    def is_released(self) -> bool:
        """Whether nothing is waited for any more."""
        return self._holds == 0

    def hold(self) -> None:
        """Add something to wait for."""
        self._holds += 1

    def release(self) -> None:
        """Say that one thing waited for is done."""
        self._holds -= 1
        if self._holds == 0:
            self._progress.advance()


class Progress:
    """The tickets under way, in the order of the feed."""

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()
        self._safe: Position | None = None

    @property
    def safe(self) -> Position | None:
        """The last position before which nothing is left to do, None before the first."""
        return self._safe

    def begin(self, position: Position) -> Ticket:
        """Open the ticket of the next batch, which ends at `position`."""
        ticket = Ticket(self, position)
        self._tickets.append(ticket)
        return ticket

    def advance(self) -> None:
        """Move the safe position over the released tickets at the front."""
        while self._tickets and self._tickets[0].is_released:
            self._safe = self._tickets.popleft().position
