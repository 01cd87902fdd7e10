"""Free TCP ports on the loopback interface."""

from __future__ import annotations

import errno
import socket

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EADDRNOTAVAIL: "the address is not one of this machine",
    errno.EACCES: "this user may not listen on it (mostly, ports below 1024 are root's)",
}


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port when nobody listens there, else one the system chooses."""
    if preferred is not None and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on the port now."""
    return why_not_free(port, host) is None


def why_not_free(port: int, host: str) -> str | None:
    """Return why no server could listen on the port now, None if one could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            return f"the name {host} cannot be resolved"
        except OSError as error:
            return _REASONS.get(error.errno or 0) or str(error.strerror)
        return None


def shared_socket(host: str, port: int) -> socket.socket:
    """Return a TCP socket bound to the address, which several of our processes may share."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
