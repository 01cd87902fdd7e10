"""Notifications over MQTT (clause 7.2): one lasting connection to each MQTT broker."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import uuid4

import aiomqtt
import orjson

from broker.model.subscription import Endpoint
from broker.outbound.addresses import AddressPolicy
from broker.outbound.trust import trusted_certificates
from broker.subscriptions.senders.sender import DELIVERED, Message, Outcome

_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_VERSIONS = {
    "mqtt3.1.1": aiomqtt.ProtocolVersion.V311,
    "mqtt5.0": aiomqtt.ProtocolVersion.V5,
}
_CONNECTIONS = 200
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class MqttTarget:
    """The MQTT broker of an endpoint, and how to speak to it."""

    host: str
    port: int
    username: str | None
    password: str | None
    uses_tls: bool
    version: str


class _Refused(Exception):
    """The address guard does not let the broker connect there."""


class MqttSender:
    """Publishes notifications. To be used as an asynchronous context manager.

    A connection that broke while it was idle is opened again at once; a notification counts as
    delivered when the MQTT broker acknowledged it (QoS 1 and 2) or took it (QoS 0).
    """

    def __init__(
        self, *, addresses: AddressPolicy, timeout: float, ca_file: Path | str | None = None
    ) -> None:
        self._addresses = addresses
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._timeout = timeout
        self._clients: OrderedDict[MqttTarget, aiomqtt.Client] = OrderedDict()
        self._locks: dict[MqttTarget, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        self._tls = trusted_certificates(self._ca_file)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for target in list(self._clients):
            await self._drop(target)

    async def send(self, endpoint: Endpoint, message: Message) -> Outcome:
        """Publish a notification."""
        target, topic, qos = target_of(endpoint)
        payload = mqtt_message(endpoint, message)
        reason = ""
        for _ in range(_ATTEMPTS):
            try:
                async with asyncio.timeout(endpoint.timeout or self._timeout):
                    client = await self._client(target)
                    await client.publish(topic, payload, qos=qos)
            except _Refused as error:
                return Outcome("try again", str(error))
            except TimeoutError:
                await self._drop(target)
                return Outcome("try again", f"{target.host}:{target.port} did not answer in time")
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                await self._drop(target)
                reason = f"{target.host}:{target.port} cannot be published to: {error}"
            else:
                return DELIVERED
        return Outcome("try again", reason)

    async def _client(self, target: MqttTarget) -> aiomqtt.Client:
        async with self._locks.setdefault(target, asyncio.Lock()):
            client = self._clients.get(target)
            if client is None:
                await self._check(target)
                client = _client_of(target, self._timeout, self._tls)
                await client.__aenter__()
                self._clients[target] = client
            self._clients.move_to_end(target)
        while len(self._clients) > _CONNECTIONS:
            await self._drop(next(iter(self._clients)))
        return client

    async def _check(self, target: MqttTarget) -> None:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port)
        for _, _, _, _, address in found:
            refusal = self._addresses.refusal(target.host, str(address[0]))
            if refusal is not None:
                raise _Refused(refusal)

    async def _drop(self, target: MqttTarget) -> None:
        client = self._clients.pop(target, None)
        if client is not None:
            with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
                await client.__aexit__(None, None, None)


def target_of(endpoint: Endpoint) -> tuple[MqttTarget, str, int]:
    """Return the MQTT broker, topic and QoS of an endpoint (Table 7.2-1)."""
    parts: SplitResult = urlsplit(endpoint.uri)
    settings = {key.lower(): value for key, value in endpoint.notifier_info}
    target = MqttTarget(
        host=parts.hostname or "",
        port=parts.port or _DEFAULT_PORTS[endpoint.scheme],
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        uses_tls=endpoint.scheme == "mqtts",
        version=settings.get("mqtt-version", "mqtt5.0"),
    )
    return target, unquote(parts.path.lstrip("/")), int(settings.get("mqtt-qos", "0"))


def mqtt_message(endpoint: Endpoint, message: Message) -> bytes:
    """Return the MQTT payload: what would be headers in `metadata`, the notification in `body`."""
    metadata = dict(endpoint.receiver_info) | {"Content-Type": message.media_type}
    if message.link is not None:
        metadata["Link"] = message.link
    if message.tenant:
        metadata["NGSILD-Tenant"] = message.tenant
    if message.snapshot is not None:
        metadata["NGSILD-Snapshot"] = message.snapshot
    return b'{"metadata":%s,"body":%s}' % (orjson.dumps(metadata), message.body)


def _client_of(target: MqttTarget, timeout: float, tls: ssl.SSLContext | None) -> aiomqtt.Client:
    return aiomqtt.Client(
        target.host,
        target.port,
        username=target.username,
        password=target.password,
        identifier=f"mutsura-notifier-{uuid4().hex[:12]}",
        protocol=_VERSIONS[target.version],
        tls_context=tls if target.uses_tls else None,
        timeout=timeout,
    )
