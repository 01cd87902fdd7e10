"""How the API workers of a node share the connections that come in (ADR 7).

All of them accept from one queue. Whoever has the fewest connections takes the next one; the others
hold back for a moment, and take it when nobody else did. So a client with three connections is
served by all workers rather than by chance by one, a worker that hangs gets no further connections,
and those that wait when a worker is killed are taken by the others.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from broker.observability.tasks import run_in_background

log = logging.getLogger(__name__)

WIDTH = 4
"""Bytes that the load of one worker takes in the shared memory."""
_BACKLOG = 1024
_HOLD_BACK = (*(0.0,) * 20, 0.001, 0.001, 0.001)
"""Seconds between looks whether another worker took its turn: when many connections come at once,
that is a matter of microseconds, but one that is at work may be away for some milliseconds."""
_RECOVER = 1.0
_GONE = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.EPERM, errno.EPROTO})
"""Another worker took the connection, or the client gave it up."""


class Loads:
    """How many connections each worker has open, in memory that the workers of a node share.

    A worker that was killed leaves its number behind until it is started again; while that is the
    lowest, the others take each connection a moment later.
    """

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        self._loads = memoryview(memory).cast("I")
        self._number = number
        self._loads[number] = 0

    @classmethod
    def alone(cls) -> Loads:
        """Return the load of a worker that shares with nobody."""
        return cls(mmap.mmap(-1, WIDTH), 0)

    @classmethod
    def shared(cls, descriptor: int, number: int) -> Loads:
        """Return the loads in a file, `WIDTH` bytes for each worker; this one has a number."""
        return cls(mmap.mmap(descriptor, os.fstat(descriptor).st_size), number)

    def add(self, connections: int) -> None:
        """Count connections that came, or went (negative)."""
        self._loads[self._number] = max(0, self._loads[self._number] + connections)

    @property
    def is_lowest(self) -> bool:
        """Whether no other worker has fewer connections than this one."""
        return self._loads[self._number] <= min(self._loads)


class Acceptor:
    """Accepts connections for a server; `loads` is told of those that come.

    The server tells it of those that go.
    """

    def __init__(
        self, listener: socket.socket, serve: Callable[[], asyncio.Protocol], loads: Loads
    ) -> None:
        self._listener = listener
        self._serve = serve
        self._loads = loads
        self._loop = asyncio.get_running_loop()
        self._holding_back: asyncio.TimerHandle | None = None

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Accept as long as the context lasts."""
        self._listener.settimeout(0)
        self._listener.listen(_BACKLOG)
        self._loop.add_reader(self._listener, self._on_waiting)
        try:
            yield
        finally:
            if self._holding_back is not None:
                self._holding_back.cancel()
            self._loop.remove_reader(self._listener)

    def _on_waiting(self) -> None:
        if self._loads.is_lowest:
            self._accept()
        else:
            self._loop.remove_reader(self._listener)
            self._hold_back()

    def _hold_back(self, looks: int = 0) -> None:
        """Leave the connection to the others, and take it when none of them does."""
        if looks == len(_HOLD_BACK) or self._loads.is_lowest:
            self._go_on()
        else:
            wait = _HOLD_BACK[looks]
            self._holding_back = self._loop.call_later(wait, self._hold_back, looks + 1)

    def _go_on(self) -> None:
        self._holding_back = None
        self._loop.add_reader(self._listener, self._on_waiting)
        self._accept()

    def _accept(self) -> None:
        """Accept one connection, if it is still there: the next one may be for another worker."""
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            if error.errno not in _GONE:  # no more descriptors, say
                log.error("cannot accept connections: %s", error)  # noqa: TRY400 - said in full
                self._loop.remove_reader(self._listener)
                self._holding_back = self._loop.call_later(_RECOVER, self._go_on)
            return
        connection.settimeout(0)
        self._loads.add(1)
        run_in_background(self._begin(connection), name="a connection")

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._serve, connection)
        except OSError:
            connection.close()
            self._loads.add(-1)
