"""Who a process is, so that another one can tell whether it still runs."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_NAMESPACE = Path("/proc/self/ns/pid")
_HERE = f"{socket.gethostname()} {_NAMESPACE.readlink() if _NAMESPACE.is_symlink() else '?'}"
_TOKEN = secrets.token_hex(4)


def this_process() -> str:
    """Return a name for this process: host, process namespace, id, and something of its own."""
    return f"{_HERE} {os.getpid()} {_TOKEN}"


def is_gone(owner: str) -> bool:
    """Say whether a process named by `this_process` is known to have ended.

    Nothing is known of processes of other machines and of other containers.
    """
    here, _, number = owner.rpartition(" ")[0].rpartition(" ")
    if here != _HERE or not number.isdigit() or owner == this_process():
        return False
    if int(number) == os.getpid():
        return True  # the number was given again, to this process
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
