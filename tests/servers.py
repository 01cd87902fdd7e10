"""Real servers that tests start: MongoDB and mosquitto."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pymongo import MongoClient

from broker.embedded.mongod import EmbeddedMongod, MongodSizes
from broker.embedded.ports import free_port, is_free
from tests.patience import PATIENCE

INSTALL_MOSQUITTO = "mosquitto is not installed: run `sudo apt-get install mosquitto`"


def docker_answers() -> bool:
    """Return whether a Docker engine can start containers here."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


@contextmanager
def mongodb(directory: Path) -> Iterator[str]:
    """Give the URI of a replica set: the one in the environment, a container, or embedded."""
    if given := os.environ.get("MUTSURA_TEST_MONGODB_URI"):
        yield given
    elif docker_answers():
        with _mongodb_container() as uri:
            yield uri
    else:
        with own_mongod(directory) as mongod:
            yield mongod.uri


@contextmanager
def own_mongod(directory: Path) -> Iterator[EmbeddedMongod]:
    """Give a small server of a test's own, which it may halt and kill."""
    mongod = EmbeddedMongod(directory, sizes=MongodSizes(cache=256, oplog=990))
    mongod.start()
    try:
        yield mongod
    finally:
        mongod.stop()


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """Let a process do nothing: it keeps its connections, and answers nobody."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        # The signal is on its way to each thread by itself; one that runs still answers.
        while any(_state(thread.id) != "T" for thread in process.threads()):
            time.sleep(0.01)
        yield
    finally:
        process.resume()


def _state(thread: int) -> str:
    return Path(f"/proc/{thread}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def _mongodb_container() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - slow, rarely used

    container = DockerContainer("mongo:7").with_command("--replSet rs0 --bind_ip_all")
    with container.with_exposed_ports(27017) as running:
        host, port = running.get_container_host_ip(), running.get_exposed_port(27017)
        uri = f"mongodb://{host}:{port}/?directConnection=true"
        _initiate(uri)
        yield uri


def _initiate(uri: str) -> None:
    with MongoClient(uri, serverSelectionTimeoutMS=60_000) as client:
        members = [{"_id": 0, "host": "127.0.0.1:27017"}]
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        while not client.admin.command("hello").get("isWritablePrimary"):
            time.sleep(0.1)


class Mosquitto:
    """A real mosquitto with persistence. It can be stopped, killed and started again."""

    def __init__(self, directory: Path, extra_config: str = "", *, port: int | None = None) -> None:
        self.port = port or free_port()
        self.directory = directory
        self.config = directory / "mosquitto.conf"
        self.log_path = directory / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "persistence true\n"
            f"persistence_location {directory}/\n"
            "autosave_interval 1\n"
            "autosave_on_changes true\n"
            f"log_dest file {self.log_path}\n"
            f"user {os.environ.get('USER') or 'root'}\n"
            f"{extra_config}\n"
        )

    @property
    def url(self) -> str:
        """The URL clients use."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if binary is None:
            raise FileNotFoundError(INSTALL_MOSQUITTO)
        self._process = subprocess.Popen([binary, "-c", str(self.config)])
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not is_free(self.port):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.025)
        raise RuntimeError(f"mosquitto did not start: {self.config.read_text()}")

    def stop(self) -> None:
        """Stop it in order; it saves its persistent sessions."""
        self._end(kill=False)

    def kill(self) -> None:
        """kill -9."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(PATIENCE)
        self._process = None
