"""What the broker is compared with in the same run.

- `/bare`: an aiohttp handler that only reads and parses the body;
- PATCH below `/ngsi-ld/v1`: the same update as one journaled MongoDB round trip a request, without
  validation, @context, history or notification.
"""

from __future__ import annotations

import sys

import orjson
import uvloop
from aiohttp import web
from pymongo import AsyncMongoClient, WriteConcern


async def _bare(request: web.Request) -> web.Response:
    orjson.loads(await request.read())
    return web.Response(status=204)


async def _ready(_: web.Request) -> web.Response:
    return web.Response(status=204)


class _RoundTrip:
    def __init__(self, uri: str) -> None:
        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(uri, maxPoolSize=64)
        database = client.get_database(
            "bench_reference", write_concern=WriteConcern(w="majority", j=True)
        )
        self._entities = database["entities"]

    async def patch(self, request: web.Request) -> web.Response:
        values = orjson.loads(await request.read())
        entity_id = request.match_info["entityId"]
        await self._entities.update_one(
            {"_id": entity_id}, {"$set": {f"a.{n}": v for n, v in values.items()}}, upsert=True
        )
        return web.Response(status=204)

    async def create(self, request: web.Request) -> web.Response:
        entity = orjson.loads(await request.read())
        await self._entities.insert_one({"_id": entity.pop("id"), "a": entity})
        return web.Response(status=201)


def main(port: int, uri: str) -> None:
    """Serve both references on a port."""
    round_trip = _RoundTrip(uri)
    application = web.Application()
    application.router.add_get("/ready", _ready)
    application.router.add_post("/bare", _bare)
    application.router.add_patch("/ngsi-ld/v1/entities/{entityId}/attrs", round_trip.patch)
    application.router.add_post("/ngsi-ld/v1/entities", round_trip.create)
    uvloop.install()
    web.run_app(application, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
