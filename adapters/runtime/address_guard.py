"""Which network addresses an adapter may call. Pure.

A partner's URL, or a redirect it answers, must not make us call the machine's own services or a
cloud's metadata service. Link-local, metadata and other special addresses are never allowed;
private and loopback addresses only where the operator says so.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

METADATA = frozenset(
    {ip_address("169.254.169.254"), ip_address("fd00:ec2::254"), ip_address("100.100.100.200")}
)
SHARED = ip_network("100.64.0.0/10")
NAT64 = ip_network("64:ff9b::/96")


def refusal(address: str, *, allow_private: bool) -> str | None:
    """Return why an address must not be called, `None` if it may."""
    found = _unwrapped(ip_address(address.split("%", 1)[0]))
    if found in METADATA:
        return f"{address} is a metadata service"
    if found.is_link_local:
        return f"{address} is a link-local address"
    if found.is_unspecified or found.is_multicast:
        return f"{address} is not the address of a machine"
    if found.is_loopback or found.is_private or found in SHARED:
        return None if allow_private else f"{address} is a private address"
    if found.is_reserved:
        return f"{address} is a reserved address"
    return None


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address carries, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def literal(host: str) -> str | None:
    """Return the address if the host is one rather than a name."""
    try:
        return str(ip_address(host.strip("[]").split("%", 1)[0]))
    except ValueError:
        return None
