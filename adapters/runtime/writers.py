"""The writers of one adapter: one for each destination and mode, made when first asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp

from adapters.runtime.batch import WriteMode
from adapters.runtime.broker_client import BrokerAddress, BrokerClient
from adapters.runtime.writer import Writer
from adapters.runtime.writing import WriterLimits, WriterState

Key = tuple[str | None, WriteMode, bool]


class Writers:
    """Keeps the writers of one adapter and closes them together."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: BrokerAddress,
        limits: WriterLimits | None = None,
    ) -> None:
        self._session = session
        self._address = address
        self._limits = limits
        self._writers: dict[Key, Writer] = {}
        self._clients: dict[str | None, BrokerClient] = {}

    def client(self, tenant: str | None = None) -> BrokerClient:
        """Return the client for a tenant; `None` is the tenant the adapter is configured for."""
        if tenant not in self._clients:
            address = replace(self._address, tenant=tenant) if tenant else self._address
            self._clients[tenant] = BrokerClient(self._session, address)
        return self._clients[tenant]

    def writer(
        self,
        *,
        tenant: str | None = None,
        mode: WriteMode = "update",
        skip_unchanged: bool = False,
    ) -> Writer:
        """Return the running writer for a tenant and mode (see `Writer`)."""
        key: Key = (tenant, mode, skip_unchanged)
        if key not in self._writers:
            writer = Writer(
                self.client(tenant), mode=mode, skip_unchanged=skip_unchanged, limits=self._limits
            )
            writer.start()
            self._writers[key] = writer
        return self._writers[key]

    def states(self) -> list[WriterState]:
        """Return what each writer has done and waits for."""
        return [one.state for one in self._writers.values()]

    async def close(self, *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - part of an orderly stop
        """Close all writers; what is queued is sent if the broker takes it in time."""
        await asyncio.gather(*(one.close(timeout=timeout) for one in self._writers.values()))
        self._writers.clear()
