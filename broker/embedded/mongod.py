"""A private MongoDB server: a real mongod on the loopback interface, as a one-member replica set.

Everything it keeps is in one directory: `data/` (the database), `mongod.log` (with rotated
predecessors) and `port` (where it listened last). It is journaled, so that what was acknowledged
survives `kill -9`; the next start recovers. It listens on 127.0.0.1 only and knows no passwords:
it is for one machine, not for a network.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from broker.embedded.binary import missing_libraries, packaged_mongod
from broker.embedded.errors import DataDirectoryInUse, EmbeddedServiceError, PortTaken
from broker.embedded.ports import free_port
from broker.embedded.replica_set import NAME, connect, make_primary
from broker.embedded.tether import tethered

log = logging.getLogger(__name__)

_EXIT_LOCKED = 100
_EXIT_PORT_TAKEN = 48
_LOG_BYTES = 20_000_000
_LOGS_KEPT = 3
_AT_WORK = 0.02  # of a processor; one that waits for nothing in particular uses less
_TELL_EVERY = 20.0
_FULL = 1_000_000  # bytes free, below which a disk is called full
_ABORTING = "***aborting"  # after the line that says why


@dataclass(frozen=True, slots=True)
class MongodSizes:
    """How much the server may take: cache and oplog in megabytes.

    `start_timeout` is for how many seconds it may do next to nothing before it can be used. How
    long it takes to put back what was written since the last checkpoint, nobody knows: two minutes
    where 250 tenants were made in the minute before it was killed.
    """

    cache: int = 512
    oplog: int = 2048
    start_timeout: float = 60.0


class _Watch:
    """Looks whether a server that starts is at work: it may have much to recover."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._began = self._since = self._told = time.monotonic()
        self._used = 0.0

    def sees_work_of(self, pid: int | None) -> bool:
        """Whether it used the processor in the last `patience` seconds; one that ended may."""
        now = time.monotonic()
        used = _processor_seconds(pid)
        if used - self._used > _AT_WORK * self._patience:
            self._used, self._since = used, now
        if now - self._told > _TELL_EVERY:
            self._told = now
            log.info("the embedded database has been starting for %.0f s", now - self._began)
        return now - self._since < self._patience


def _processor_seconds(pid: int | None) -> float:
    try:
        times = psutil.Process(pid).cpu_times() if pid is not None else None
    except psutil.Error:
        return 0.0
    return 0.0 if times is None else times.user + times.system


class EmbeddedMongod:
    """One mongod process and its directory."""

    def __init__(self, directory: Path, *, sizes: MongodSizes = MongodSizes()) -> None:
        self._directory = directory.resolve()
        self._sizes = sizes
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def uri(self) -> str:
        """The connection string of the running server."""
        return f"mongodb://{self.host}/?replicaSet={NAME}"

    @property
    def host(self) -> str:
        """Host and port, as the replica set knows itself."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a server that has ended by itself (negative: the signal)."""
        return self._process.poll() if self._process else None

    @property
    def log_path(self) -> Path:
        """The log the server writes."""
        return self._directory / "mongod.log"

    def start(
        self, *, port: int | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Start the server and wait until it takes writes, or is no longer wanted: then stop it.

        Without `port` it listens where it listened last when that is free, else anywhere.

        Raises:
            DataDirectoryInUse: another process works on the directory.
            EmbeddedServiceError: it cannot start; the message has its last words.
        """
        (self._directory / "data").mkdir(parents=True, exist_ok=True)
        binary = packaged_mongod(self._directory / "bin")
        self._await_previous_owner()
        for attempt in range(3):
            self.port = port or free_port(self._last_port() if attempt == 0 else None)
            try:
                self._launch(binary)
                self._await_primary(binary, is_wanted)
            except PortTaken:
                if port is not None or attempt == 2:
                    raise
            else:
                self._remember_port()
                return

    def stop(self, *, timeout: float = 30.0) -> None:
        """Shut the server down cleanly; kill it when it takes longer than `timeout` seconds."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._process = None

    def rotate_log(self) -> None:
        """Put the log aside once it is large; the newest few are kept."""
        if not self.log_path.exists() or self.log_path.stat().st_size < _LOG_BYTES:
            return
        for number in range(_LOGS_KEPT - 1, 0, -1):
            older = self.log_path.with_suffix(f".log.{number}")
            if older.exists():
                older.replace(self.log_path.with_suffix(f".log.{number + 1}"))
        self.log_path.replace(self.log_path.with_suffix(".log.1"))
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGUSR1)

    def _launch(self, binary: Path) -> None:
        self.rotate_log()
        self._process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
            tethered(self._command(binary), ending=signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops it in order
        )

    def _command(self, binary: Path) -> list[str]:
        return [
            str(binary),
            f"--dbpath={self._directory / 'data'}",
            f"--port={self.port}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            f"--replSet={NAME}",
            f"--wiredTigerCacheSizeGB={self._sizes.cache / 1024:.3f}",
            f"--oplogSize={self._sizes.oplog}",
            f"--logpath={self.log_path}",
            "--logappend",
            "--logRotate=reopen",
            "--setParameter=diagnosticDataCollectionEnabled=false",
            "--setParameter=minSnapshotHistoryWindowInSeconds=0",
            "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
        ]

    def _await_primary(self, binary: Path, is_wanted: Callable[[], bool]) -> None:
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        watch = _Watch(self._sizes.start_timeout)
        with connect(self.host) as client:
            while is_wanted() and watch.sees_work_of(self.pid):
                self._raise_if_ended(binary, log_start)
                try:
                    make_primary(client, self.host, deadline=time.monotonic() + 1)
                except EmbeddedServiceError:
                    continue
                self._raise_if_ended(binary, log_start)  # else another server answered there
                return
        self.stop()
        if is_wanted():
            raise EmbeddedServiceError(
                "the embedded database did not start, and did nothing for "
                f"{self._sizes.start_timeout:.0f} s; see {self.log_path}"
            )

    def _raise_if_ended(self, binary: Path, log_start: int) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        self._process = None
        if process.returncode == _EXIT_PORT_TAKEN:
            raise PortTaken(f"port {self.port} is taken by another program")
        if process.returncode == _EXIT_LOCKED:
            self._raise_locked()
        cause = missing_libraries(binary) or self._last_words(log_start)
        raise EmbeddedServiceError(f"the embedded database cannot start: {cause}")

    def _raise_locked(self) -> None:
        owner = self._owner()
        if owner is not None:
            raise DataDirectoryInUse(
                f"{self._directory} is in use by process {owner.pid} ({owner.name()}). "
                "Stop it, or choose another place with MUTSURA_DATA_DIRECTORY"
            )

    def _last_words(self, log_start: int) -> str:
        """Return the last error the server logged since it was started."""
        words = f"see {self.log_path}"
        if shutil.disk_usage(self._directory).free < _FULL:  # then the log says nothing, either
            return f"the disk of {self._directory} is full; free some space"
        if not self.log_path.exists():  # it ended before it logged anything
            return words
        with self.log_path.open("rb") as lines:
            lines.seek(log_start)
            for line in lines:
                entry = _parse(line)
                said = str(entry.get("msg")).strip()
                if entry.get("s") in {"E", "F"} and not said.startswith(_ABORTING):
                    words = f"{said} {json.dumps(entry.get('attr', {}))}; {self.log_path}"
        return words

    def _remember_port(self) -> None:
        if self._last_port() == self.port:
            return
        with contextlib.suppress(OSError):  # on a full disk the next start may choose another
            (self._directory / "port").write_text(str(self.port))

    def _last_port(self) -> int | None:
        try:
            return int((self._directory / "port").read_text())
        except (OSError, ValueError):
            return None

    def _owner(self) -> psutil.Process | None:
        """Return the mongod that works on our directory, if one does."""
        try:
            pid = int((self._directory / "data" / "mongod.lock").read_text())
            process = psutil.Process(pid)
            ours = f"--dbpath={self._directory / 'data'}" in process.cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours else None

    def _await_previous_owner(self) -> None:
        """Wait for a server whose supervisor was killed to finish its own shutdown."""
        owner = self._owner()
        if owner is None:
            return
        if owner.parent() is None or owner.ppid() == 1:
            owner.terminate()
        try:
            owner.wait(self._sizes.start_timeout / 2)
        except psutil.TimeoutExpired:
            self._raise_locked()


def _parse(line: bytes) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
