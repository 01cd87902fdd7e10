"""The only way an adapter calls a partner's API: guarded, bounded in size and time.

Names are resolved here and every resolved address is judged, so a name that points to a forbidden
address is refused however it got there. Redirects are followed by hand and judged like the first
address; headers the caller gave (keys!) do not follow to another host.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from multidict import CIMultiDictProxy
from yarl import URL

from adapters.runtime.address_guard import literal, refusal
from adapters.runtime.broker_client import seconds_to_wait
from adapters.runtime.errors import Misconfigured, RetryLater, SkipRecord
from adapters.runtime.shown_url import shown_url
from adapters.runtime.unreachable import why_unreachable

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
AGENT = "Mutsura (open city OS; NGSI-LD)"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one request: seconds in all, seconds to connect, bytes of body."""

    timeout: float = 30.0
    connect_timeout: float = 10.0
    body_bytes: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """A partner's answer; header names are in lower case, `url` is where redirects led."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def retry_after(self) -> float | None:
        """Seconds the partner asks us to wait."""
        return seconds_to_wait(self.headers.get("retry-after"))


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for, and who takes the body of an answer 200 part by part, if anybody does."""

    method: str
    headers: dict[str, str]
    body: bytes | None
    bounds: HttpLimits
    take: Callable[[bytes], object] | None = None


class ForbiddenAddress(Misconfigured):
    """The URL leads to an address adapters must not call."""


class _GuardedResolver(AbstractResolver):
    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            _judge(one["host"], host, allow_private=self._allow_private)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _judge(address: str, host: str, *, allow_private: bool) -> None:
    reason = refusal(address, allow_private=allow_private)
    if reason is not None:
        hint = (
            ""
            if allow_private
            else (
                "; where it is meant: private_addresses: true (mutsura import: --private-addresses)"
            )
        )
        raise ForbiddenAddress(f"{host} must not be called: {reason}{hint}")


class HttpClient:
    """Requests to partners; made by the host."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        allow_private: bool = False,
        limits: HttpLimits | None = None,
    ) -> None:
        self._session = session
        self._allow_private = allow_private
        self._limits = limits or HttpLimits()

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limits: HttpLimits | None = None,
    ) -> Fetched:
        """Send a request and return the answer, whatever its status.

        Raises `RetryLater` when the partner does not answer in time, `Misconfigured` for a URL
        that is wrong or forbidden, `SkipRecord` for an answer larger than allowed.
        """
        request = _Request(method, dict(headers or {}), body, limits or self._limits)
        return await self._answered(url, request)

    async def download(
        self,
        url: str,
        take: Callable[[bytes], object],
        *,
        headers: Mapping[str, str] | None = None,
        limits: HttpLimits | None = None,
    ) -> Fetched:
        """Fetch a body of any size part by part: `take` gets those of an answer 200.

        The answer that is returned then has no body. Raises what `fetch` raises.
        """
        request = _Request("GET", dict(headers or {}), None, limits or self._limits, take)
        return await self._answered(url, request)

    async def _answered(self, url: str, request: _Request) -> Fetched:
        bounds = request.bounds
        try:
            async with asyncio.timeout(bounds.timeout):
                return await self._following(url, request)
        except TimeoutError as error:
            raise RetryLater(f"{shown_url(url)} took more than {bounds.timeout:g} s") from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise Misconfigured(
                f"{shown_url(url)} is not a URL that can be called: {error}"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise RetryLater(
                f"{shown_url(url)} does not answer: {why_unreachable(error)}"
            ) from error

    async def _following(self, url: str, request: _Request) -> Fetched:
        target = URL(url)
        self._judge_url(target)
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._once(target, request)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or location is None:
                return answer
            following = target.join(URL(location))
            self._judge_url(following)
            if following.origin() != target.origin():
                request = replace(request, headers={})
            if answer.status == 303:
                request = replace(request, method="GET", body=None)
            target = following
        raise RetryLater(f"{shown_url(url)} redirects more than {MOST_REDIRECTS} times")

    def _judge_url(self, url: URL) -> None:
        if url.scheme not in ("http", "https") or not url.host:
            raise Misconfigured(f"{shown_url(str(url))} must be an http or https URL")
        address = literal(url.host)
        if address is not None:
            _judge(address, url.host, allow_private=self._allow_private)

    async def _once(self, url: URL, request: _Request) -> Fetched:
        connect = aiohttp.ClientTimeout(total=None, connect=request.bounds.connect_timeout)
        async with self._session.request(
            request.method,
            url,
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
            timeout=connect,
        ) as response:
            content = await _read(response, request)
            return Fetched(response.status, _by_name(response.headers), content, str(url))


def _by_name(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return the headers by name, those given several times as one (RFC 9110, section 5.3)."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


async def _read(response: aiohttp.ClientResponse, request: _Request) -> bytes:
    """Read the (decompressed) body, giving up as soon as it is too long."""
    content = bytearray()
    take = request.take if request.take and response.status == 200 else content.extend
    most = request.bounds.body_bytes
    size = 0
    async for part in response.content.iter_chunked(65_536):
        size += len(part)
        if size > most:
            raise SkipRecord(
                f"the answer of {shown_url(str(response.url))} is larger than {most} bytes"
            )
        take(part)
    return bytes(content)


@asynccontextmanager
async def http_client(
    *, allow_private: bool, limits: HttpLimits | None = None
) -> AsyncIterator[HttpClient]:
    """Open a client whose connections go only to allowed addresses."""
    connector = aiohttp.TCPConnector(
        resolver=_GuardedResolver(allow_private=allow_private), limit=8, use_dns_cache=False
    )
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield HttpClient(session, allow_private=allow_private, limits=limits)
