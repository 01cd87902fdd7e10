"""What the tests of an adapter stand on, for ours and for third parties'.

`TestBroker` is a real HTTP server that carries out the batch operations, the query by ids and the
retrieval of entities on a dict, in the order the standard demands. It can be told to refuse an
entity, to be overloaded and to be away. `adapter_context` is what the host would give to an
adapter, for `await run(context)` in a test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
from aiohttp import web

from adapters.runtime.broker_client import API, BrokerAddress
from adapters.runtime.checkpoint import Checkpoints
from adapters.runtime.context import AdapterContext
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.health import Health
from adapters.runtime.http_client import http_client
from adapters.runtime.intake import Intake
from adapters.runtime.schemas import Schemas
from adapters.runtime.session import broker_session
from adapters.runtime.store import Store
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers
from adapters.runtime.writing import WriterLimits

S = TypeVar("S")
QUICK = WriterLimits(first_pause=0.005, longest_pause=0.02)

Problem = dict[str, Any]
Entity = dict[str, Any]
Refusal = tuple[Callable[[Entity], bool], Problem]


class TestBroker:
    """Holds entities by tenant and id; `requests` and `batches` are what arrived, in order."""

    __test__ = False

    def __init__(self) -> None:
        self.url = ""
        self.tenants: dict[str, dict[str, Entity]] = {}
        self.batches: list[list[Entity]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._refusals: list[Refusal] = []
        self._fails_on: Callable[[Entity], bool] = lambda _entity: False
        self.failures: list[web.Response | None] = []
        self.refuse_whole_batch = False

    @property
    def entities(self) -> dict[str, Entity]:
        """The entities of the default tenant."""
        return self.tenants.setdefault("", {})

    def refuse(self, entity_id: str, detail: str, *, status: int = 400) -> None:
        """Answer this problem for an entity, from now on."""
        self.refuse_if(lambda entity: entity["id"] == entity_id, detail, status=status)

    def refuse_if(
        self, is_wrong: Callable[[Entity], bool], detail: str, *, status: int = 400
    ) -> None:
        """Answer this problem for entities that are wrong in some way, from now on."""
        problem = {"title": "refused", "detail": detail, "status": status}
        self._refusals.append((is_wrong, problem))

    def fail_on(self, breaks: Callable[[Entity], bool]) -> None:
        """Answer 500 to every batch that holds such an entity."""
        self._fails_on = breaks

    def forgive(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()

    def problem_of(self, entity: Entity) -> Problem | None:
        """Return the problem an entity is refused with, `None` if it is taken."""
        return next((problem for is_wrong, problem in self._refusals if is_wrong(entity)), None)

    def be_overloaded(self, times: int, *, retry_after: str | None = None) -> None:
        """Answer 503 to the next requests."""
        headers = {"Retry-After": retry_after} if retry_after else {}
        self.failures += [web.Response(status=503, headers=headers) for _ in range(times)]

    def hang_up(self, times: int) -> None:
        """Close the connection of the next requests after carrying them out."""
        self.failures += [None] * times

    def application(self) -> web.Application:
        """Return the server's routes."""
        app = web.Application(client_max_size=64_000_000)
        app.router.add_post(API + "/entityOperations/upsert", self._upsert)
        app.router.add_post(API + "/entityOperations/merge", self._merge)
        app.router.add_post(API + "/entityOperations/delete", self._delete)
        app.router.add_post(API + "/entityOperations/query", self._query)
        app.router.add_get(API + "/entities/{id}", self._retrieve)
        app.router.add_get(API + "/entities", self._list)
        app.router.add_get(API + "/types", self._types)
        return app

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[TestBroker]:
        """Serve on a loopback port while the block runs."""
        runner = web.AppRunner(self.application(), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        try:
            host, bound = runner.addresses[0][:2]
            self.url = f"http://{host}:{bound}"
            yield self
        finally:
            await runner.cleanup()

    async def _upsert(self, request: web.Request) -> web.Response:
        return await self._batch(request, request.query.get("options", "replace"))

    async def _merge(self, request: web.Request) -> web.Response:
        return await self._batch(request, "merge")

    async def _batch(self, request: web.Request, mode: str) -> web.Response:
        if (early := self._fail_early()) is not None:
            return early
        items = orjson.loads(await request.read())
        self._note(request, items)
        if any(self._fails_on(one) for one in items):
            return _json({"title": "internal error"}, status=500)
        problems = [self.problem_of(one) for one in items]
        if self.refuse_whole_batch and any(problems):
            return _json(next(one for one in problems if one), status=400)
        store = self._store(request)
        created, done, errors = _carry_out(store, zip(items, problems, strict=True), mode)
        if self.failures and self.failures.pop(0) is None and request.transport is not None:
            request.transport.abort()
        if errors:
            return _json({"success": done, "errors": errors}, status=207)
        return _json(created, status=201) if created else web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        ids = orjson.loads(await request.read())
        self._note(request, [])
        for one in ids:
            self._store(request).pop(one, None)
        return web.Response(status=204)

    async def _query(self, request: web.Request) -> web.Response:
        if (early := self._fail_early()) is not None:
            return early
        self._note(request, None)
        selectors = orjson.loads(await request.read())["entities"]
        wanted = {one for selector in selectors for one in selector["id"]}
        store = self._store(request)
        return _json([store[one] for one in sorted(wanted) if one in store])

    async def _types(self, request: web.Request) -> web.Response:
        types = sorted({str(entity["type"]) for entity in self._store(request).values()})
        return _json({"type": "EntityTypeList", "typeList": types})

    async def _retrieve(self, request: web.Request) -> web.Response:
        entity = self._store(request).get(request.match_info["id"])
        return _json({"title": "no such entity"}, status=404) if entity is None else _json(entity)

    async def _list(self, request: web.Request) -> web.Response:
        kind = request.query.get("type")
        found = [one for one in self._store(request).values() if kind in (None, one["type"])]
        start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
        count = {"NGSILD-Results-Count": str(len(found))}
        return _json(found[start : start + size], headers=count)

    def _store(self, request: web.Request) -> dict[str, Entity]:
        return self.tenants.setdefault(request.headers.get("NGSILD-Tenant", ""), {})

    def _note(self, request: web.Request, items: list[Entity] | None) -> None:
        self.requests.append((request.path.removeprefix(API), dict(request.headers)))
        if items:
            self.batches.append(items)

    def _fail_early(self) -> web.Response | None:
        if self.failures and self.failures[0] is not None:
            return self.failures.pop(0)
        return None


def _carry_out(
    store: dict[str, Entity], items: Iterable[tuple[Entity, Problem | None]], mode: str
) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    created: list[str] = []
    done: list[str] = []
    errors: list[dict[str, Any]] = []
    for item, problem in items:
        one = item["id"]
        if problem is not None or (mode == "merge" and one not in store):
            absent = {"title": "no such entity", "status": 404}
            errors.append({"entityId": one, "error": problem or absent})
            continue
        if one not in store:
            created.append(one)
        store[one] = item if mode == "replace" else {**store.get(one, {}), **item}
        done.append(one)
    return created, done, errors


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, headers=headers, content_type="application/json"
    )


@asynccontextmanager
async def adapter_context(
    settings: S,
    *,
    broker: str | BrokerAddress,
    data: Path,
    name: str = "test",
    schemas: Sequence[Path] = (),
) -> AsyncIterator[AdapterContext[S]]:
    """Give the context the host would give; private addresses may be called.

    Everything durable is below `data`: a second context on the same folder is a restart.
    """
    address = BrokerAddress(broker) if isinstance(broker, str) else broker
    known = await asyncio.to_thread(Schemas, schemas)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(data))
        session = await stack.enter_async_context(broker_session())
        http = await stack.enter_async_context(http_client(allow_private=True))
        writers = Writers(session, address, QUICK)
        stack.push_async_callback(writers.close, timeout=2.0)
        health = Health(name)
        letters = DeadLetters(store, name)
        validation = Validation(known)
        yield AdapterContext(
            name=name,
            settings=settings,
            data=data / name,
            intake=Intake(writers, validation, letters, health),
            writers=writers,
            validation=validation,
            checkpoints=Checkpoints(store, name),
            dead_letters=letters,
            http=http,
            health=health,
        )
