"""One connection to an MQTT server, with acknowledgement by hand.

paho-mqtt does the protocol; its socket is served by the event loop. aiomqtt acknowledges a message
before anybody has seen it, and is therefore not used.

A connection is used once. It notices a dead peer by keep-alive (paho pings, and gives up when no
answer comes within another keep-alive), and by the loop's reads and writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from adapters.mqtt.paho_client import BufferedClient
from adapters.runtime.errors import Misconfigured, RetryLater
from broker.observability.tasks import spawn

log = logging.getLogger(__name__)

FOR_EVER = 0xFFFFFFFF
REFUSED = 128
"""Reason codes of a SUBACK from here on say that the server refuses the subscription."""

BURST = 256
NOT_CONNECTED = "the connection is not open"


class ConnectionLost(RetryLater):
    """The connection could not be opened, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where and how to connect. `keepalive` and `timeout` are in seconds."""

    host: str
    port: int
    client_id: str
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    keepalive: int = 30
    window: int = 1000
    timeout: float = 15.0

    @property
    def session_name(self) -> str:
        """What identifies the session on the server."""
        return f"{self.host}:{self.port}/{self.client_id}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it was delivered; `connection` is where its acknowledgement goes."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    is_duplicate: bool
    connection: Connection


class Taker(Protocol):
    """Who takes what a connection delivers. Both are called by the event loop, and do not wait."""

    def connected(self, connection: Connection, *, is_resumed: bool) -> None:
        """Note that the connection is open, before it delivers anything."""

    def receive(self, delivery: Delivery) -> None:
        """Take a message."""


class Connection:
    """Use `open`, `subscribe`, then `wait_closed`; `close` ends it and keeps the session."""

    def __init__(self, options: ServerOptions, taker: Taker) -> None:
        self._options = options
        self._taker = taker
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._connected: asyncio.Future[bool] = self._loop.create_future()
        self._granted: dict[int | None, asyncio.Future[list[int]]] = {}
        self._socket: Any = None
        self._is_reading = False
        self._is_paused = False
        self._is_open = False
        self._closed: asyncio.Future[str] = self._loop.create_future()
        self._keeper: asyncio.Task[None] | None = None
        self._client = self._new_client()

    def _new_client(self) -> BufferedClient:
        options = self._options
        is_v5 = options.protocol == "5"
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=options.client_id,
            clean_session=None if is_v5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = options.timeout
        client.username_pw_set(options.username, options.password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_granted
        client.on_unsubscribe = self._on_granted
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        return client

    async def open(self) -> bool:
        """Connect and say whether the server had kept the session.

        Raises `ConnectionLost`, and `Misconfigured` for TLS files that cannot be used.
        """
        try:
            async with asyncio.timeout(2 * self._options.timeout):
                await self._loop.run_in_executor(None, self._connect)
                is_present = await self._connected
        except (OSError, ValueError, TimeoutError) as error:
            await self.close()
            reason = str(error) or "no answer in time"
            raise ConnectionLost(f"cannot connect to {self._place()}: {reason}") from error
        except ConnectionLost:
            await self.close()
            raise
        self._keeper = spawn(self._keep_alive(), name="mqtt-keep-alive")
        return is_present

    def _connect(self) -> None:
        options = self._options
        if options.tls:
            self._client.tls_set_context(_tls_context(options))
        kept: dict[str, Any] = {}
        if options.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = FOR_EVER
            properties.ReceiveMaximum = options.window
            kept = {"clean_start": False, "properties": properties}
        self._client.connect(options.host, options.port, options.keepalive, **kept)

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe to filters at QoS 1. Raises `ConnectionLost` when one is refused."""
        if not filters:
            return
        result, packet_id = self._client.subscribe([(one, 1) for one in filters])
        codes = await self._answer(result, packet_id)
        refused = [one for one, code in zip(filters, codes, strict=True) if code >= REFUSED]
        if refused:
            raise ConnectionLost(
                f"{self._place()} refuses the subscription to {', '.join(refused)}: check what "
                "the user may read"
            )

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """End subscriptions the session still has."""
        if filters:
            result, packet_id = self._client.unsubscribe(list(filters))
            await self._answer(result, packet_id)

    async def _answer(self, result: int, packet_id: int | None) -> list[int]:
        """Wait for the answer to a subscription.

        There is no time limit: in a session that was kept, everything that waited comes first.
        """
        if result != paho.MQTT_ERR_SUCCESS:
            raise ConnectionLost(f"{NOT_CONNECTED}: {paho.error_string(result)}")
        answer = self._granted.setdefault(packet_id, self._loop.create_future())
        await asyncio.wait((answer, self._closed), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ConnectionLost(f"the connection ended: {self._closed.result()}")
        return answer.result()

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge QoS 1 messages, in this order. After the end of the connection: nothing."""
        if self._is_open and packet_ids:
            self._client.acknowledge(packet_ids)

    def pause(self) -> None:
        """Read no more than a message a second: whoever takes them has enough to do."""
        self._is_paused = True
        self._stop_reading()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self._start_reading()
        if self._has_more():
            self._loop.call_soon(self._on_readable)

    async def wait_closed(self) -> str:
        """Wait for the end of the connection and return the reason."""
        return await asyncio.shield(self._closed)

    async def close(self) -> None:
        """Disconnect; the server keeps the session and what is not acknowledged."""
        if self._is_open and not self._closed.done():
            self._client.disconnect()
            self._client.loop_write()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._closed), 1.0)
        self._end("closed")

    async def _keep_alive(self) -> None:
        while not self._closed.done():
            await asyncio.sleep(1.0)
            if self._is_paused:
                self._on_readable()
            self._guarded(self._client.loop_misc)

    def _guarded(self, work: Callable[[], Any]) -> None:
        """Call into paho; what it raises is the end of the connection."""
        try:
            work()
        except (OSError, ValueError, ssl.SSLError) as error:
            self._end(str(error) or type(error).__name__)

    def _on_readable(self) -> None:
        """Read a burst of packets; what is left in our buffer or TLS's gets no socket event."""
        for _ in range(BURST):
            if self._closed.done():
                return
            self._guarded(self._client.loop_read)
            if not self._has_more() or self._is_paused:
                return
        self._loop.call_soon(self._on_readable)

    def _has_more(self) -> bool:
        if self._client.has_buffered:
            return True
        return bool(self._options.tls and self._socket is not None and self._socket.pending())

    def _on_writable(self) -> None:
        self._guarded(self._client.loop_write)

    def _on_socket_open(self, _client: Any, _data: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._serve, sock)

    def _serve(self, sock: Any) -> None:
        if not self._closed.done():
            self._socket = sock
            self._start_reading()

    def _start_reading(self) -> None:
        if self._socket is not None and not self._is_reading and self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._on_readable)
            self._is_reading = True

    def _stop_reading(self) -> None:
        if self._socket is not None and self._is_reading and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
        self._is_reading = False

    def _on_socket_close(self, _client: Any, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
        self._is_reading = False
        self._socket = None

    def _on_register_write(self, _client: Any, _data: Any, sock: Any) -> None:
        """Called by the thread that connects, and by the loop's own."""
        if threading.get_ident() == self._thread:
            self._start_writing(sock)
        else:
            self._loop.call_soon_threadsafe(self._start_writing, sock)

    def _start_writing(self, sock: Any) -> None:
        if sock.fileno() >= 0 and not self._closed.done():
            self._loop.add_writer(sock.fileno(), self._on_writable)

    def _on_unregister_write(self, _client: Any, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock.fileno())

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, _more: Any) -> None:
        if self._connected.done():
            return
        if code.is_failure:
            self._connected.set_exception(
                ConnectionLost(f"{self._place()} refuses the connection: {code}")
            )
        else:
            self._is_open = True
            self._taker.connected(self, is_resumed=bool(flags.session_present))
            self._connected.set_result(bool(flags.session_present))

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        self._end("the server closed it" if str(code) == "Unspecified error" else str(code))

    def _on_granted(self, _client: Any, _data: Any, packet_id: int, codes: Any, _more: Any) -> None:
        answer = self._granted.setdefault(packet_id, self._loop.create_future())
        if not answer.done():
            answer.set_result([code.value for code in codes])

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(a topic that is not UTF-8)"
        self._taker.receive(
            Delivery(
                topic,
                bytes(message.payload),
                message.qos,
                message.mid,
                message.dup,
                self,
            )
        )

    def _end(self, reason: str) -> None:
        self._is_open = False
        sock, self._socket = self._socket, None
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        if not self._closed.done():
            self._closed.set_result(reason)
        if not self._connected.done():
            lost = ConnectionLost(f"{self._place()} closed the connection: {reason}")
            self._connected.set_exception(lost)
            self._connected.exception()

    def _place(self) -> str:
        return f"the MQTT server {self._options.host}:{self._options.port}"


def _tls_context(options: ServerOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        if options.certificate_file is not None:
            context.load_cert_chain(options.certificate_file, options.key_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"the TLS files cannot be used: {error}") from error
    return context
