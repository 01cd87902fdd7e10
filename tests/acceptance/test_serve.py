"""A node starts, survives the death of its processes, and stops without leaving any."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.config.load import EXIT_CONFIGURATION
from broker.embedded.binary import packaged_mongod
from broker.embedded.mongod import EmbeddedMongod, MongodSizes
from broker.embedded.ports import free_port
from tests.nodes import RunningNode, eventually
from tests.servers import halted


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node for tests that leave it running."""
    data = tmp_path_factory.mktemp("node") / "data"
    with RunningNode(data, "--workers", "2") as running:
        yield running


@pytest.fixture
def hangups_heard() -> Iterator[None]:
    """What is started hears that the terminal was closed, even where `nohup` runs the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def node(tmp_path: Path, hangups_heard: None) -> Iterator[RunningNode]:
    with RunningNode(tmp_path / "data", "--workers", "2") as running:
        yield running


def test_it_says_where_everything_is(shared: RunningNode) -> None:
    told = shared.output.read_text()
    assert "starts, with its data in " in told.splitlines()[0]
    assert "is ready (2 API workers, 1 engine)" in told
    assert f"API         {shared.url}/ngsi-ld/v1" in told
    assert "(embedded, in" in told
    assert shared.get("/health") == {"status": "alive"}
    assert shared.text("/metrics").count('mutsura_process_resident_bytes{pid="') == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_leaves_no_process(node: RunningNode, number: signal.Signals) -> None:
    children = node.processes()
    assert len(children) == 4  # mongod, engine, two workers
    assert node.stop(number=number) == 0
    assert not [one for one in children if one.is_running()]


def test_killing_it_leaves_no_process_and_it_can_start_again(node: RunningNode) -> None:
    children = node.processes()
    node.kill()
    eventually(lambda: not any(one.is_running() for one in children))
    node.start()
    node.await_ready()


@pytest.mark.parametrize("name", ["worker", "engine", "mongod"])
def test_a_killed_process_comes_back(shared: RunningNode, name: str) -> None:
    victim = shared.processes(name)[0]
    count = len(shared.processes())
    victim.kill()
    eventually(lambda: not victim.is_running())
    eventually(lambda: len(shared.processes()) == count)
    eventually(lambda: shared.status("/ready") == 200)
    assert "started again" in shared.errors.read_text()
    assert f'mutsura_process_restarts_total{{process="{name}"}} 1.0' in shared.text("/metrics")


def test_a_worker_that_hangs_gets_no_new_connections(shared: RunningNode) -> None:
    eventually(lambda: shared.status("/ready") == 200)
    victim = shared.processes("worker")[0]
    with halted(victim.pid):
        assert [shared.status("/health") for _ in range(10)] == [200] * 10


def test_a_second_node_on_the_same_data_is_refused(shared: RunningNode) -> None:
    second = RunningNode(shared.data)
    second.errors = shared.data.with_name("second.err")
    second.start()
    assert second.wait() == 1
    assert f"is in use by another mutsura (process {shared.pid})" in second.errors.read_text()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        node = RunningNode(tmp_path / "data", "--port", str(port))
        node.start()
        assert node.wait() == 1
    assert f"port {port} of 127.0.0.1 cannot be had" in node.errors.read_text()


def test_an_open_address_is_warned_about(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "data", "--host", "0.0.0.0") as node:
        assert "open to the network" in node.errors.read_text()


def test_a_proxy_of_the_environment_is_not_asked_for_the_own_node(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "data", http_proxy="http://127.0.0.1:9", no_proxy="") as node:
        assert node.status("/ready") == 200


def test_it_waits_for_a_database_that_starts_later(tmp_path: Path) -> None:
    port, api = free_port(), free_port()
    uri = f"mongodb://127.0.0.1:{port}/?replicaSet=mutsura"
    settings = {"MUTSURA_MONGODB_URI": uri, "MUTSURA_SERVER_WORKERS": "2"}
    node = RunningNode(tmp_path / "data", "--port", str(api), **settings)
    node.url = f"http://127.0.0.1:{api}"
    began = time.monotonic()
    node.start()
    mongod = EmbeddedMongod(tmp_path / "mongodb", sizes=MongodSizes(cache=256, oplog=990))
    try:
        eventually(lambda: node.status("/health") == 200)
        eventually(lambda: node.status("/ready") == 503)
        mongod.start(port=port)
        node.await_ready()
        times = 1 + (time.monotonic() - began) // 30
    finally:
        node.stop()
        mongod.stop()
    engine_and_workers = 3
    assert node.errors.read_text().count("waiting for the database") <= engine_and_workers * times


def test_a_standalone_server_is_refused_with_the_remedy(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "db").mkdir()
    command = [
        str(packaged_mongod(tmp_path)), "--port", str(port), "--dbpath", str(tmp_path / "db"),
        "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25",
    ]  # fmt: skip
    node = RunningNode(tmp_path / "data", MUTSURA_MONGODB_URI=f"mongodb://127.0.0.1:{port}/")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as standalone:
        node.start()
        try:
            assert node.wait() == EXIT_CONFIGURATION
        finally:
            standalone.terminate()
    assert "Make it a one-member replica set" in node.errors.read_text()
