"""What tests say of snapshots: bodies, and waiting until one is ready."""

from __future__ import annotations

import asyncio
from datetime import datetime

from broker.model.clock import system_clock
from tests.patience import PATIENCE

SNAPSHOT = "NGSILD-Snapshot"


def urn(kind, number):
    return f"urn:ngsi-ld:{kind}:{number}"


def query(kind, **more):
    return {"type": "Query", "entities": [{"type": kind}], **more}


def snapshot_of(*queries, **more):
    return {"type": "Snapshot", "snapshotQueries": list(queries), **more}


async def create(broker, body, **headers):
    """Create a snapshot and wait until it is ready; return it."""
    answer = await broker.post("/snapshots", body, **headers)
    assert answer.status == 201, answer.text
    return await ready(broker, path_of(answer), **headers)


def path_of(answer):
    return answer.headers["Location"].removeprefix("/ngsi-ld/v1")


async def ready(broker, path, **headers):
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await broker.get(path, **headers)
            assert answer.status == 200, answer.text
            if answer.json["snapshotStatus"] != "preparing":
                return answer.json
            await asyncio.sleep(0.05)


async def values(broker, kind, snapshot=None):
    """Return the simplified attributes of a type by id, of a snapshot or of what is live."""
    headers = {} if snapshot is None else {SNAPSHOT: snapshot["id"]}
    answer = await broker.get(f"/entities?type={kind}&format=simplified&limit=100", **headers)
    assert answer.status == 200, answer.text
    return {each.pop("id"): each for each in answer.json}


def seconds_until(time):
    now = datetime.fromisoformat(system_clock())
    return (datetime.fromisoformat(time) - now).total_seconds()
