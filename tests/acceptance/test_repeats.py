"""Impatient clients repeat requests with an Idempotency-Key while API workers are killed.

Every change raises the version of the entity by one, so the version tells how often the requests
were applied.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.nodes import RunningNode

REQUESTS, WRITERS, KILLS = 40, 6, 2


async def insist(session: aiohttp.ClientSession, url: str, body: Any, key: str) -> int:
    """Send a request until it is answered with something that lasts; return the status.

    The client is impatient: the first times it often does not wait for the answer.
    """
    for attempt in itertools.count():
        patience = aiohttp.ClientTimeout(total=min(20, random.uniform(0.002, 0.02) * 4**attempt))
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            headers = {"Idempotency-Key": key}
            async with session.post(url, json=body, headers=headers, timeout=patience) as answer:
                if answer.status < 500:
                    return answer.status
        await asyncio.sleep(0.05)
    raise AssertionError("it counts without end")


async def write(url: str, writer: int) -> int:
    """Create an entity and change it many times; return its version at the end."""
    entity_id = f"urn:ngsi-ld:Sensor:{writer}"
    count = {"type": "Property", "value": 0}
    async with aiohttp.ClientSession() as session:
        entity = {"id": entity_id, "type": "Sensor", "count": count}
        created = await insist(session, f"{url}/entities", entity, f"{writer}-create")
        assert created == 201
        for number in range(REQUESTS):
            body = {"count": {"type": "Property", "value": number}}
            path = f"{url}/entities/{entity_id}/attrs"
            assert await insist(session, path, body, f"{writer}-{number}") == 204
        async with session.get(f"{url}/entities/{entity_id}") as answer:
            return int(answer.headers["ETag"].strip('"').split("-")[0])


async def kill_workers(node: RunningNode) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.1, 0.4))
        for process in await asyncio.to_thread(node.processes, "worker"):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(node.await_ready)


async def test_requests_are_applied_once_though_workers_are_killed(tmp_path: Path) -> None:
    node = RunningNode(tmp_path / "data", MUTSURA_SERVER_WORKERS="2")
    await asyncio.to_thread(node.__enter__)
    try:
        writers = [write(f"{node.url}/ngsi-ld/v1", writer) for writer in range(WRITERS)]
        *versions, _ = await asyncio.gather(*writers, kill_workers(node))
    finally:
        await asyncio.to_thread(node.stop)
    assert versions == [REQUESTS + 1] * WRITERS
