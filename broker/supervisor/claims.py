"""What a node claims for itself before it starts anything: its data directory and its port."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from broker.api.accepting import WIDTH
from broker.embedded.errors import DataDirectoryInUse, PortTaken
from broker.embedded.ports import shared_socket, why_not_free


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
class Mailbox:
    """Descriptors of a pair of sockets: what goes in at `outer` comes out at `inner`."""

    outer: int
    inner: int


@dataclass(frozen=True, slots=True)
class SharedPort:
    """The API's port, and the descriptors of what the workers share.

    These are the socket they listen on, the file in which each has its load, and a mailbox for
    each, in which the others tell it what they have written.
    """

    number: int
    listener: int
    loads: int
    mailboxes: tuple[Mailbox, ...]

    def share(self, worker: int) -> tuple[int, ...]:
        """Return the descriptors for a worker: listener, loads, its inbox, those of the others."""
        others = [one.outer for number, one in enumerate(self.mailboxes) if number != worker]
        return (self.listener, self.loads, self.mailboxes[worker].inner, *others)


@contextmanager
def claimed_port(host: str, port: int, *, workers: int, directory: Path) -> Iterator[SharedPort]:
    """Hold the API's port for a number of workers, and for nobody else.

    The file they share is in a directory, where it has no name.

    Raises:
        PortTaken: it cannot be had; the message says why.
    """
    reason = why_not_free(port, host) if port else None
    if reason is not None:
        raise PortTaken(
            f"port {port} of {host} cannot be had: {reason}. Choose others with --port and --host "
            "(MUTSURA_SERVER_PORT, MUTSURA_SERVER_HOST)"
        )
    with ExitStack() as held:
        listener = held.enter_context(shared_socket(host, port))
        loads = held.enter_context(TemporaryFile(dir=directory))
        loads.truncate(WIDTH * workers)
        mailboxes = tuple(_mailbox(held) for _ in range(workers))
        yield SharedPort(listener.getsockname()[1], listener.fileno(), loads.fileno(), mailboxes)


def _mailbox(held: ExitStack) -> Mailbox:
    outer, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in (outer, inner):
        held.enter_context(end)
        end.settimeout(0)
    return Mailbox(outer.fileno(), inner.fileno())
