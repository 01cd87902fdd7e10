"""What the host gives to an adapter when it starts it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from adapters.runtime.broker_client import BrokerClient
from adapters.runtime.checkpoint import Checkpoints
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.health import Health
from adapters.runtime.http_client import HttpClient
from adapters.runtime.http_server import Route, ServerAddress, serve
from adapters.runtime.intake import Intake
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers
from broker.model.clock import Clock, system_clock

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterContext(Generic[S]):
    """Everything an adapter needs; `async def run(context)` takes it.

    `data` is a folder of its own, `intake` the usual way to store entities; `writers` and
    `validation` are there for an adapter that reports refusals in its own way. An adapter runs
    until it is cancelled (an orderly stop) or returns (its work is finished).
    """

    name: str
    settings: S
    data: Path
    intake: Intake
    writers: Writers
    validation: Validation
    checkpoints: Checkpoints
    dead_letters: DeadLetters
    http: HttpClient
    health: Health
    clock: Clock = system_clock

    @property
    def broker(self) -> BrokerClient:
        """The client for queries, for the adapter's own tenant."""
        return self.writers.client()

    def server(
        self, routes: Sequence[Route], *, host: str, port: int
    ) -> AbstractAsyncContextManager[ServerAddress]:
        """Serve HTTP while the block runs (see `adapters.runtime.http_server`)."""
        return serve(routes, host=host, port=port)
