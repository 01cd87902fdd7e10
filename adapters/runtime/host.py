"""Runs the configured adapters in one process and keeps each of them going.

Each adapter is a task of its own. What it raises says what to do (see `errors`): start it again
after a pause that grows, or leave it stopped; a fault nobody foresaw counts as the former. One
adapter's trouble never touches another. An orderly stop cancels the adapters, then gives their
writers time to send what the broker takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from adapters.runtime.backoff import Backoff
from adapters.runtime.checkpoint import Checkpoints
from adapters.runtime.configuration import Configuration, ConfiguredAdapter
from adapters.runtime.context import AdapterContext
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.errors import AdapterError, RetryLater, StopAdapter
from adapters.runtime.health import Health, State
from adapters.runtime.http_client import http_client
from adapters.runtime.http_server import Request, Response, Route, serve
from adapters.runtime.intake import Intake
from adapters.runtime.metrics import DEAD_LETTERS_KEPT
from adapters.runtime.progress import LOOK_EVERY, Progress
from adapters.runtime.schemas import Schemas
from adapters.runtime.session import broker_session
from adapters.runtime.store import Store
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers
from broker.observability.memory import settle_memory
from broker.observability.tasks import spawn

log = logging.getLogger(__name__)
STEADY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Pauses between restarts and the time an orderly stop may take, in seconds."""

    first_pause: float = 1.0
    longest_pause: float = 60.0
    drain: float = 10.0


@dataclass(slots=True)
class _Shared:
    """What all adapters of a host use together."""

    store: Store
    session: aiohttp.ClientSession
    validation: Validation


@dataclass(slots=True)
class Host:
    """Runs every adapter of a configuration; `healths` tells how each is doing."""

    configuration: Configuration
    limits: HostLimits = field(default_factory=HostLimits)
    healths: dict[str, Health] = field(default_factory=dict)
    _writers: dict[str, Writers] = field(default_factory=dict)

    async def run(self, *, once: bool = False) -> bool:
        """Run until cancelled or, with `once`, until every adapter has finished.

        Returns whether none of them failed.
        """
        async with AsyncExitStack() as stack:
            shared = await self._open(stack)
            settle_memory()
            tasks = [
                spawn(self._keep_running(one, shared), name=f"adapter-{one.name}")
                for one in self.configuration.adapters
            ]
            saying = spawn(self._say_progress(shared.store), name="adapters-progress")
            try:
                if tasks:
                    await asyncio.wait(tasks)
                if not once:
                    await asyncio.Event().wait()
            finally:
                await self._stop([saying, *tasks])
        return not any(one.state is State.FAILED for one in self.healths.values())

    async def _say_progress(self, store: Store) -> None:
        progress = Progress()
        letters = DeadLetters(store, None)
        while True:
            try:
                self._count_letters(await letters.count_by_adapter())
            except AdapterError as error:
                log.warning("the dead letters cannot be counted: %s", error.detail)
            await asyncio.sleep(LOOK_EVERY)
            progress.say(self.healths.values(), asyncio.get_running_loop().time())

    def _count_letters(self, kept: Mapping[str, int]) -> None:
        for name, health in self.healths.items():
            health.dead_letters = kept.get(name, 0)
            DEAD_LETTERS_KEPT.labels(name).set(health.dead_letters)

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        """Cancel the adapters; again if a library swallowed the cancellation (it happens)."""
        running = set(tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=self.limits.drain + 1.0)

    async def _open(self, stack: AsyncExitStack) -> _Shared:
        configuration = self.configuration
        store = await stack.enter_async_context(Store(configuration.data))
        session = await stack.enter_async_context(
            broker_session(connections=max(16, 3 * len(configuration.adapters)))
        )
        schemas = await asyncio.to_thread(Schemas, configuration.schemas)
        validation = Validation(schemas, strict_names=configuration.strict_names)
        if configuration.health is not None:
            routes = [Route("GET", "/health", self._answer_health)]
            await stack.enter_async_context(
                serve(routes, host=configuration.health.host, port=configuration.health.port)
            )
        return _Shared(store, session, validation)

    async def _keep_running(self, one: ConfiguredAdapter, shared: _Shared) -> None:
        health = self.healths.setdefault(one.name, Health(one.name))
        backoff = Backoff(first=self.limits.first_pause, limit=self.limits.longest_pause)
        while True:
            started = asyncio.get_running_loop().time()
            error = await self._run_once(one, shared, health)
            if error is None:
                return
            if asyncio.get_running_loop().time() - started > STEADY_SECONDS:
                backoff.reset()
            pause = backoff.next_pause(getattr(error, "after", None))
            health.become(State.WAITING, f"{_said(error)}; next attempt in {pause:.0f} s")
            await asyncio.sleep(pause)
            health.restarts += 1

    async def _run_once(
        self, one: ConfiguredAdapter, shared: _Shared, health: Health
    ) -> Exception | None:
        """Run an adapter to its end; return the error after which it is to be started again."""
        log.info("adapter starts", extra={"adapter": one.name})
        try:
            async with self._context(one, shared, health) as context:
                health.become(State.RUNNING)
                await one.manifest.entry_point()(context)
        except asyncio.CancelledError:
            health.become(State.STOPPED)
            raise
        except StopAdapter as error:
            health.become(State.FAILED, error.detail)
            log.error("adapter %s stopped: %s", one.name, error.detail)  # noqa: TRY400 - foreseen
            return None
        except RetryLater as error:
            log.warning("adapter %s will be started again: %s", one.name, error.detail)
            return error
        except Exception as error:  # an adapter may be anybody's code
            log.exception("adapter %s failed and will be started again", one.name)
            return error
        health.become(State.FINISHED)
        log.info("adapter finished", extra={"adapter": one.name})
        return None

    @asynccontextmanager
    async def _context(
        self, one: ConfiguredAdapter, shared: _Shared, health: Health
    ) -> AsyncIterator[AdapterContext[Any]]:
        writers = Writers(shared.session, one.broker)
        self._writers[one.name] = writers
        letters = DeadLetters(shared.store, one.name)
        async with http_client(allow_private=one.private_addresses) as http:
            try:
                yield AdapterContext(
                    name=one.name,
                    settings=one.settings,
                    data=self.configuration.data / one.name,
                    intake=Intake(writers, shared.validation, letters, health),
                    writers=writers,
                    validation=shared.validation,
                    checkpoints=Checkpoints(shared.store, one.name),
                    dead_letters=letters,
                    http=http,
                    health=health,
                )
            finally:
                await writers.close(timeout=self.limits.drain)

    def status(self) -> list[dict[str, Any]]:
        """Return how every adapter is doing, with what its writers wait for."""
        return [
            {**health.as_json(), "writers": self._writer_status(name)}
            for name, health in self.healths.items()
        ]

    def _writer_status(self, name: str) -> dict[str, Any]:
        writers = self._writers.get(name)
        states = writers.states() if writers else []
        waiting = [one.waiting_for for one in states if one.waiting_for]
        return {
            "pending": sum(one.pending for one in states),
            "retries": sum(one.retries for one in states),
            "waitingFor": waiting[0] if waiting else None,
        }

    async def _answer_health(self, _request: Request) -> Response:
        adapters = self.status()
        bad = any(one["state"] in (State.FAILED, State.WAITING) for one in adapters)
        return Response(200, {"status": "degraded" if bad else "ok", "adapters": adapters})


def _said(error: Exception) -> str:
    return error.detail if isinstance(error, AdapterError) else f"{type(error).__name__}: {error}"
