"""What a node claims for itself before it starts anything: its data directory and its port."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from broker.api.accepting import WIDTH
from broker.embedded.errors import DataDirectoryInUse, PortTaken
from broker.embedded.ports import is_free, shared_socket


@contextmanager
def claimed_directory(directory: Path) -> Iterator[None]:
    """Hold the data directory against a second node; the claim ends with the process.

    Raises:
        DataDirectoryInUse: another node holds it; the message has its process id.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "mutsura.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise DataDirectoryInUse(
                f"{directory} is in use by another mutsura (process {owner}). Stop it, or choose "
                "another place with --data or MUTSURA_DATA_DIRECTORY"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@dataclass(frozen=True, slots=True)
class SharedPort:
    """The API's port, and the descriptors of what the workers share.

    These are the socket they listen on, and the file in which each has its load.
    """

    number: int
    listener: int
    loads: int


@contextmanager
def claimed_port(host: str, port: int, *, workers: int, directory: Path) -> Iterator[SharedPort]:
    """Hold the API's port for a number of workers, and for nobody else.

    The file they share is in a directory, where it has no name.

    Raises:
        PortTaken: another program listens there, or the address is not one of this machine.
    """
    if port and not is_free(port, host):
        raise PortTaken(
            f"port {port} of {host} cannot be had: another program listens there, or the address "
            "is not one of this machine. Choose another with --port or MUTSURA_SERVER_PORT"
        )
    with shared_socket(host, port) as listener, TemporaryFile(dir=directory) as loads:
        loads.truncate(WIDTH * workers)
        yield SharedPort(listener.getsockname()[1], listener.fileno(), loads.fileno())
