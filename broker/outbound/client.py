"""The HTTP client of the broker: address guard, limits of size and time, circuit breaker.

Names are resolved by the guard, and the connection goes to exactly the addresses it checked, so
that a name that changes its address in between (DNS rebinding) gains nothing. Redirects are
followed here, for GET and HEAD only, and each target passes the same checks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from broker.config import settings as config
from broker.outbound.addresses import AddressPolicy, as_address
from broker.outbound.circuit import CircuitBreaker
from broker.outbound.errors import (
    AddressRefused,
    InvalidTarget,
    OutboundError,
    ResponseTooLarge,
    TargetTimedOut,
    TargetUnreachable,
)
from broker.outbound.trust import trusted_certificates

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-auth-token"})
_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class OutboundOptions:
    """How the broker reaches other systems. Times in seconds, sizes in bytes."""

    addresses: AddressPolicy = field(default_factory=AddressPolicy)
    proxy: str | None = None
    ca_file: str | None = None
    timeout: float = 10.0
    connect_timeout: float = 5.0
    max_response_bytes: int = 16 * 1024 * 1024
    max_redirects: int = 5
    connections: int = 512
    connections_per_host: int = 64

    @classmethod
    def of(cls, configured: config.OutboundSettings) -> Self:
        """Return what the operator set; the rest stays as it is here.

        Raises ConfigurationError if an entry of the allow list is none.
        """
        return cls(
            AddressPolicy(configured.allow_private, configured.allow),
            proxy=configured.proxy,
            ca_file=None if configured.ca_file is None else str(configured.ca_file),
        )


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """An answer, read to its end. Names of `headers` are in lower case; `url` is the last one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class OutboundClient:
    """Sends requests. To be used as an asynchronous context manager; connections are kept alive."""

    def __init__(self, options: OutboundOptions | None = None) -> None:
        self._options = options or OutboundOptions()
        self._circuit = CircuitBreaker(now=time.monotonic)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        options = self._options
        connector = aiohttp.TCPConnector(
            resolver=_GuardedResolver(options),
            limit=options.connections,
            limit_per_host=options.connections_per_host,
            ssl=trusted_certificates(options.ca_file),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "mutsura"},
            trust_env=False,
            raise_for_status=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the limit of a request, not of a wait
        is_repeatable: bool = False,
    ) -> OutboundResponse:
        """Send one request and return the complete answer, whatever its status.

        Raises a subclass of OutboundError if there is none. `timeout` (seconds) covers everything
        from the name look-up to the last byte, redirects included. A request that may arrive twice
        (`is_repeatable`) is sent again at once when the other side closes the connection instead
        of answering, as happens to connections that were kept too long.
        """
        limit = timeout or self._options.timeout
        current, sent = url, dict(headers or {})
        exchange = self._exchange_insistently if is_repeatable else self._exchange
        started = time.monotonic()
        for _ in range(self._options.max_redirects + 1):
            left = max(0.001, limit - (time.monotonic() - started))
            target_url = _parse(current)
            response = await self._guarded(
                target_url, partial(exchange, method, target_url, sent, body), left
            )
            target = _redirect_of(method, response)
            if target is None:
                return response
            if URL(target).host != URL(current).host:
                sent = {k: v for k, v in sent.items() if k.lower() not in _CREDENTIALS}
            current = target
        raise TargetUnreachable(f"{url} redirects more than {self._options.max_redirects} times.")

    async def _guarded(
        self, url: URL, exchange: Callable[[], Awaitable[OutboundResponse]], seconds: float
    ) -> OutboundResponse:
        _check_literal(self._options.addresses, url)
        host = f"{url.host}:{url.port}"
        self._circuit.check(host)
        try:
            async with asyncio.timeout(seconds):
                response = await exchange()
        except (TimeoutError, aiohttp.ServerTimeoutError) as error:
            self._circuit.timed_out(host)
            raise TargetTimedOut(f"{url} did not answer within {seconds:.1f} s.") from error
        except OutboundError:
            self._circuit.answered(host)
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._circuit.answered(host)
            raise _translated(url, error) from error
        self._circuit.answered(host)
        return response

    async def _exchange_insistently(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> OutboundResponse:
        try:
            return await self._exchange(method, url, headers, body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError):
            return await self._exchange(method, url, headers, body)

    async def _exchange(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> OutboundResponse:
        if self._session is None:
            raise RuntimeError("OutboundClient is used outside of its context")
        async with self._session.request(
            method,
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            proxy=self._options.proxy,
            timeout=aiohttp.ClientTimeout(sock_connect=self._options.connect_timeout),
        ) as response:
            content = await self._read(response)
            received = {name.lower(): value for name, value in response.headers.items()}
            return OutboundResponse(response.status, received, content, str(url))

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._options.max_response_bytes
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            content += chunk
            if len(content) > limit:
                response.close()
                raise ResponseTooLarge(f"The answer of {response.url} exceeds {limit} bytes.")
        return bytes(content)


class _GuardedResolver(AbstractResolver):
    """Resolves names, and gives out only addresses the policy allows."""

    def __init__(self, options: OutboundOptions) -> None:
        self._policy = options.addresses
        self._proxy_host = urlsplit(options.proxy).hostname if options.proxy else None
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: int = 0,
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)  # type: ignore[arg-type]
        if host == self._proxy_host:
            return found
        refusals = [self._policy.refusal(host, entry["host"]) for entry in found]
        allowed = [entry for entry, refusal in zip(found, refusals, strict=True) if not refusal]
        if not allowed and refusals:
            raise AddressRefused(next(refusal for refusal in refusals if refusal))
        return allowed

    async def close(self) -> None:
        await self._resolver.close()


def _parse(url: str) -> URL:
    try:
        parsed = URL(url)
        port = parsed.port
    except ValueError as error:
        raise InvalidTarget(f"'{url}' is not a URL: {error}.") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host or port is None:
        raise InvalidTarget(f"'{url}' is not an absolute http or https URL.")
    return parsed


def _check_literal(policy: AddressPolicy, url: URL) -> None:
    address = as_address(url.host or "")
    refusal = policy.refusal(address, address) if address else None
    if refusal:
        raise AddressRefused(refusal)


def _redirect_of(method: str, response: OutboundResponse) -> str | None:
    if response.status not in _REDIRECTS or method not in {"GET", "HEAD"}:
        return None
    location = response.headers.get("location")
    if location is None:
        return None
    try:
        return str(URL(response.url).join(URL(location)))
    except ValueError as error:
        raise InvalidTarget(
            f"{response.url} redirects to '{location}', which is not a URL."
        ) from error


def _translated(url: URL, error: Exception) -> OutboundError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OutboundError):
            return cause
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, aiohttp.InvalidURL):
        return InvalidTarget(f"{url} cannot be sent to: {error}.")
    reason = str(error) or type(error).__name__
    return TargetUnreachable(f"{url} cannot be reached: {reason}.")
