"""An NGSI-LD broker for crash tests: a process that journals a batch before it answers.

`python ngsi_stand_in.py PORT JOURNAL`. The journal has one JSON entity a line, in the order of the
commits; a process that starts on an old journal goes on with it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from adapters.runtime.testing import TestBroker


class JournalingBroker(TestBroker):
    """Keeps what it is given in a file, so that a kill -9 loses nothing that was answered."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self._journal = journal
        for entity in read_journal(journal):
            self.entities[entity["id"]] = {**self.entities.get(entity["id"], {}), **entity}

    async def _upsert(self, request: web.Request) -> web.Response:
        items: list[dict[str, Any]] = orjson.loads(await request.read())
        with self._journal.open("ab") as file:
            file.write(b"".join(orjson.dumps(item) + b"\n" for item in items))
        return await super()._upsert(request)


def read_journal(journal: Path) -> list[dict[str, Any]]:
    """Return the committed entities; a line that was cut off by a kill was not answered for."""
    if not journal.exists():
        return []
    lines = journal.read_bytes().split(b"\n")[:-1]
    return [orjson.loads(line) for line in lines if line.endswith(b"}")]


async def main(port: int, journal: Path) -> None:
    """Serve until killed."""
    async with JournalingBroker(journal).running(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
