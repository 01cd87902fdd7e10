"""The public NGSI-LD API as adapters use it: batches, look-ups by id, queries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from adapters.runtime.errors import BrokerUnavailable, Rejected
from adapters.runtime.unreachable import why_unreachable

API = "/ngsi-ld/v1"
PAGE = 500
LINK_RELATION = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where entities go: base URL, tenant, @context of the names used, file with a bearer token.

    The base URL may end in the path of the API. Without `context` names are those of the core
    @context, as a client without a Link header sees them. The token file is read at each request,
    so that it can be renewed while we run.
    """

    url: str = "http://127.0.0.1:1026"
    tenant: str | None = None
    context: str | None = None
    token_file: Path | None = None
    timeout: float = 60.0

    def headers(self) -> dict[str, str]:
        """Return the headers that go with every request."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.tenant:
            headers["NGSILD-Tenant"] = self.tenant
        if self.context:
            headers["Link"] = LINK_RELATION.format(self.context)
        return headers


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of the broker. `retry_after` is in seconds, `None` when it named none."""

    status: int
    body: bytes
    retry_after: float | None = None
    count: int | None = None

    def json(self) -> Any:
        """Return the body as JSON, `None` when it is empty or something else."""
        try:
            return orjson.loads(self.body) if self.body else None
        except orjson.JSONDecodeError:
            return None

    def problem(self) -> Mapping[str, Any]:
        """Return the problem details, or something of that shape if the answer has none."""
        body = self.json()
        if isinstance(body, dict):
            return body
        text = self.body[:300].decode("utf-8", "replace")
        return {"title": f"HTTP {self.status}", "status": self.status, "detail": text or None}


class BrokerClient:
    """Requests to one broker, for one tenant; the session is the runtime's."""

    def __init__(self, session: aiohttp.ClientSession, address: BrokerAddress) -> None:
        self._session = session
        self.address = address
        self._base = address.url.rstrip("/").removesuffix(API) + API
        self._headers = address.headers()
        self._timeout = aiohttp.ClientTimeout(total=address.timeout, sock_connect=5)

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send one request below the API's base path.

        Raises `BrokerUnavailable` when there is no answer; every answer is returned.
        """
        try:
            async with self._session.request(
                method,
                self._base + path,
                params=params,
                data=body,
                headers=await self._request_headers(),
                timeout=self._timeout,
            ) as response:
                return _answer(response, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = why_unreachable(error)
            raise BrokerUnavailable(f"no answer from {self.address.url}: {reason}") from error

    async def _request_headers(self) -> dict[str, str]:
        if self.address.token_file is None:
            return self._headers
        token = await asyncio.to_thread(_read_token, self.address.token_file)
        return {**self._headers, "Authorization": f"Bearer {token}"}

    async def entity(self, entity_id: str) -> dict[str, Any] | None:
        """Return one entity in normalized form, `None` when it does not exist."""
        answer = await self.send("GET", f"/entities/{entity_id}")
        if answer.status == 404:
            return None
        return dict(_expect_json(answer, entity_id))

    async def entities(self, ids: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return the entities that exist of `ids` (id → type), by id, in normalized form."""
        found: dict[str, dict[str, Any]] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), PAGE):
            part = wanted[start : start + PAGE]
            selector = {"type": ",".join(sorted({ids[one] for one in part})), "id": part}
            body = orjson.dumps({"type": "Query", "entities": [selector]})
            answer = await self.send(
                "POST", "/entityOperations/query", params={"limit": str(PAGE)}, body=body
            )
            if _is_of_no_tenant(answer):
                return {}
            for one in _expect_json(answer, part[0]):
                found[one["id"]] = one
        return found

    async def query(self, **params: str) -> AsyncIterator[dict[str, Any]]:
        """Yield every entity a query finds (`type=…, q=…`), page by page."""
        offset = 0
        while True:
            page = {**params, "limit": str(PAGE), "offset": str(offset)}
            answer = await self.send("GET", "/entities", params=page)
            items = [] if _is_of_no_tenant(answer) else _expect_json(answer, "the query")
            for one in items:
                yield one
            if len(items) < PAGE:
                return
            offset += PAGE

    async def count(self, **params: str) -> int:
        """Return how many entities a query finds."""
        answer = await self.send(
            "GET", "/entities", params={**params, "limit": "0", "count": "true"}
        )
        if not _is_of_no_tenant(answer):
            _expect_json(answer, "the query")
        return answer.count or 0

    async def delete(self, ids: Iterable[str]) -> None:
        """Delete entities in one batch; those that do not exist are no fault."""
        body = orjson.dumps(list(ids))
        answer = await self.send("POST", "/entityOperations/delete", body=body)
        if answer.status not in (204, 207):
            _expect_json(answer, "the deletion")


def _read_token(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except OSError as error:
        raise BrokerUnavailable(f"cannot read the token file {path}: {error.strerror}") from error
    if not token:
        # Whoever renews a token may empty the file first and write it a moment later.
        raise BrokerUnavailable(f"the token file {path} is empty")
    return token


def _answer(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    count = response.headers.get("NGSILD-Results-Count", "")
    return Answer(
        response.status,
        body,
        retry_after=seconds_to_wait(response.headers.get("Retry-After")),
        count=int(count) if count.isdigit() else None,
    )


def seconds_to_wait(header: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _is_of_no_tenant(answer: Answer) -> bool:
    """Whether the tenant is still to be created, by its first entity: it holds nothing yet."""
    return answer.status == 404 and str(answer.problem().get("type")).endswith("NonexistentTenant")


def _expect_json(answer: Answer, subject: str) -> Any:
    if answer.status in (200, 201, 203):
        return answer.json()
    if answer.status in (408, 429) or answer.status >= 500:
        problem = answer.problem()
        detail = f"the broker answered {answer.status}: {problem.get('detail')}"
        raise BrokerUnavailable(detail, after=answer.retry_after)
    raise Rejected(subject, answer.problem())
