"""What the processes of a node do from start to end: an API worker, the engine.

Both wait for a database that starts later than they do, and both end on SIGTERM, SIGINT or
SIGHUP after the work under way. A database that can never do, such as a standalone server, ends
them with `EXIT_CONFIGURATION`: starting them again would not help.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import uvloop

from broker.api.accepting import Acceptor, Loads
from broker.app import build_api, build_engine
from broker.config import Settings
from broker.config.load import EXIT_CONFIGURATION
from broker.embedded.ports import shared_socket
from broker.observability.memory import settle_memory
from broker.observability.signals import stop_signals
from broker.observability.tasks import pause, spawn
from broker.storage.mongo.neighbours import Neighbours
from broker.storage.mongo.server import ServerUnreachable, ServerUnsuitable, inspect_server

_LOOK_AGAIN: Final = 2.0
_REMIND: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """What a worker shares with the others of its node: descriptors, and its number there.

    It is told in its `inbox` what the others have written, and tells them in theirs.
    """

    listener: int
    loads: int
    number: int
    inbox: int
    outboxes: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> WorkerShare:
        """Return the share the supervisor has put into words: numbers and commas."""
        listener, loads, number, inbox, *outboxes = map(int, text.split(","))
        return cls(listener, loads, number, inbox, tuple(outboxes))

    def neighbours(self) -> Neighbours:
        """Return the other workers of the node."""
        outboxes = [socket.socket(fileno=outbox) for outbox in self.outboxes]
        return Neighbours(socket.socket(fileno=self.inbox), outboxes)


def run_worker(settings: Settings, share: WorkerShare | None = None) -> int:
    """Serve the API until told to stop; return the exit code.

    Without a share in a node, the worker listens for itself.
    """
    return _run(settings, lambda stop: _serve(settings, share, stop))


def run_engine(settings: Settings) -> int:
    """Match, notify and expire until told to stop; return the exit code."""
    return _run(settings, lambda stop: _drive(settings, stop))


def _run(settings: Settings, work: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_stopped(settings, work))


async def _until_stopped(
    settings: Settings, work: Callable[[asyncio.Event], Awaitable[None]]
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in stop_signals():
        loop.add_signal_handler(number, stop.set)
    looking = spawn(_check_database(settings, stop), name="check the database")
    await work(stop)
    return await looking


async def _check_database(settings: Settings, stop: asyncio.Event) -> int:
    """Look until a database answers; return the exit code it calls for."""
    waited = 0.0
    while not stop.is_set():
        try:
            await asyncio.to_thread(inspect_server, settings.mongodb.uri or "")
        except ServerUnreachable as error:
            if waited % _REMIND == 0:
                log.warning("waiting for the database: %s", error)
            waited += _LOOK_AGAIN
            await pause(stop, _LOOK_AGAIN)
        except ServerUnsuitable as error:
            log.error("the database cannot be used: %s", error)  # noqa: TRY400 - said in full
            stop.set()
            return EXIT_CONFIGURATION
        else:
            if waited:
                log.info("the database answers")
            return 0
    return 0


async def _serve(settings: Settings, share: WorkerShare | None, stop: asyncio.Event) -> None:
    limits = settings.limits
    if share is None:
        loads = Loads.alone()
        listener = shared_socket(settings.server.host, settings.server.port)
        neighbours = Neighbours()
    else:
        loads = Loads.shared(share.loads, share.number)
        listener = socket.socket(fileno=share.listener)
        neighbours = share.neighbours()
    serving = build_api(settings, neighbours).serving(
        access_log=logging.getLogger("mutsura.access") if settings.logging.access else None,
        shutdown_timeout=settings.server.drain_timeout,
        loads=loads,
        keepalive_timeout=settings.server.keepalive_timeout,
        max_line_size=limits.url_bytes,
        max_field_size=limits.url_bytes,
    )
    with listener:
        async with serving as runner:
            assert runner.server is not None
            with Acceptor(listener, runner.server, loads).accepting():
                settle_memory()
                await stop.wait()


async def _drive(settings: Settings, stop: asyncio.Event) -> None:
    engine = build_engine(settings)
    settle_memory()
    await engine.run(stop)
