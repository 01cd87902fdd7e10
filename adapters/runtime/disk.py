"""What a fault of a file of ours means for an adapter."""

from __future__ import annotations

import errno
import sqlite3

from adapters.runtime.errors import AdapterError, RetryLater, StopAdapter

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def fault_of_file(what: str, error: sqlite3.Error | OSError) -> AdapterError:
    """Return the error to raise: a full disk is tried again, any other fault waits for a person.

    Nothing is acknowledged meanwhile, so nothing is lost.
    """
    if _is_full(error):
        return RetryLater(f"no room for {what}: {error}; free space, then it goes on by itself")
    return StopAdapter(f"cannot use {what}: {error}")


def _is_full(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
