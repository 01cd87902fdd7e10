"""Which addresses the broker may connect to on behalf of its users.

Subscriptions, registrations and @contexts make the broker send requests to addresses its users
choose. Without a guard, a user could reach what only the broker's machine can reach (server-side
request forgery): its own ports, the neighbours in its network, a cloud's metadata service.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

from broker.config import ConfigurationError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

ALLOW_PRIVATE_SETTING: Final = "MUTSURA_OUTBOUND_ALLOW_PRIVATE"
ALLOW_SETTING: Final = "MUTSURA_OUTBOUND_ALLOW"

_NAT64: Final = ip_network("64:ff9b::/96")
_METADATA: Final = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, OpenStack
        "fd00:ec2::254",  # AWS
        "168.63.129.16",  # Azure
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
    )
)
_HOST_NAME: Final = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")


@dataclass(frozen=True)
class AddressPolicy:
    """What the operator allows beyond public addresses.

    `allow_private` lets the broker reach loopback, private and shared networks. `allow` names
    hosts (`sensor.example`, `*.city.example`), addresses or networks (`10.1.0.0/16`) to which
    nothing else of the guard applies. Raises ConfigurationError if an entry of `allow` is none of
    these.
    """

    allow_private: bool = False
    allow: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        _ = self._allowed

    def refusal(self, host: str, address: str) -> str | None:
        """Say why a connection to `address`, which `host` stands for, is refused, or None."""
        found = ip_address(address.partition("%")[0])
        if self.allows_name(host) or any(found in network for network in self._allowed[1]):
            return None
        kind = _kind_of(_effective(found))
        if kind is None or (kind == "private" and self.allow_private):
            return None
        where = host if host == address else f"{host} ({address})"
        if kind == "private":
            return (
                f"{where} is an address of this machine or of a private network. Set"
                f" {ALLOW_PRIVATE_SETTING}=true to allow all of them, or list the host or its"
                f" network in {ALLOW_SETTING}."
            )
        return (
            f"{where} is {kind}, which the broker does not connect to. If it has to, list the"
            f" host or its network in {ALLOW_SETTING}."
        )

    def allows_name(self, host: str) -> bool:
        """Say whether the operator listed this host by name."""
        host = host.rstrip(".").lower()
        return any(
            host == name or (name.startswith("*.") and host.endswith(name[1:]))
            for name in self._allowed[0]
        )

    @cached_property
    def _allowed(self) -> tuple[tuple[str, ...], tuple[Network, ...]]:
        names: list[str] = []
        networks: list[Network] = []
        for entry in self.allow:
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                if not _HOST_NAME.fullmatch(entry):
                    problem = (
                        f"{ALLOW_SETTING}: '{entry}' is neither a host name (example.org,"
                        " *.example.org) nor an address nor a network (10.0.0.0/8)"
                    )
                    raise ConfigurationError([problem]) from None
                names.append(entry.rstrip(".").lower())
        return tuple(names), tuple(networks)


def as_address(host: str) -> str | None:
    """Return the host if it is an IP address itself (without the brackets of IPv6)."""
    text = host.removeprefix("[").removesuffix("]")
    try:
        _ = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return text


def _effective(address: Address) -> Address:
    """Return the IPv4 address an IPv6 address leads to, if it is of such a kind."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64 or int(address) >> 32 == 0:
            return IPv4Address(int(address) & 0xFFFF_FFFF) if int(address) > 1 else address
    return address


def _kind_of(address: Address) -> str | None:
    """Return what makes an address special: `private`, or words that say it; None: public."""
    if address in _METADATA:
        return "the metadata service of a cloud"
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_multicast:
        return "a multicast address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_loopback or not address.is_global:
        return "private"
    return None
