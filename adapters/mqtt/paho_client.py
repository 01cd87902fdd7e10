"""paho-mqtt, made to read and to acknowledge many messages with one system call each.

paho asks the socket for one byte, then for the length, then for the rest of every packet, and
sends every acknowledgement by itself: five system calls a message, which cost more than all that
is done with the measure. Two of paho's inner methods are used for it; `tests/integration/adapters`
would show if a release of paho changed them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from paho.mqtt import client as paho
from paho.mqtt.enums import MessageType, MQTTErrorCode

CHUNK = 65_536


class BufferedClient(paho.Client):
    """A paho client whose reads are served from a buffer. `has_buffered` says if it holds bytes."""

    _received = b""
    _position = 0

    @property
    def has_buffered(self) -> bool:
        """Say whether bytes were received that no packet was made of yet."""
        return self._position < len(self._received)

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._position >= len(self._received):
            self._received = super()._sock_recv(CHUNK)
            self._position = 0
        part = self._received[self._position : self._position + bufsize]
        self._position += len(part)
        return part

    def acknowledge(self, packet_ids: Sequence[int]) -> MQTTErrorCode:
        """Send the PUBACKs of QoS 1 messages, in this order."""
        packets = b"".join(struct.pack("!BBH", MessageType.PUBACK, 2, one) for one in packet_ids)
        return self._packet_queue(MessageType.PUBACK, packets, packet_ids[-1], 1)
