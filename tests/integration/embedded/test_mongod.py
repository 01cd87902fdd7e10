"""The private mongod starts, keeps what it acknowledged, and recovers."""

from __future__ import annotations

import contextlib
import os
import signal
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient

from broker.embedded.errors import DataDirectoryInUse, EmbeddedServiceError
from broker.embedded.mongod import EmbeddedMongod, MongodSizes

SIZES = MongodSizes(cache=256, oplog=990)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "mongodb"
    for process in psutil.process_iter(["cmdline"]):
        if f"--dbpath={tmp_path}/mongodb/data" in (process.info["cmdline"] or []):
            process.kill()


def _started(directory: Path, **start: int) -> EmbeddedMongod:
    mongod = EmbeddedMongod(directory, sizes=SIZES)
    mongod.start(**start)
    return mongod


def _kill(mongod: EmbeddedMongod) -> None:
    assert mongod.pid is not None
    os.kill(mongod.pid, signal.SIGKILL)
    mongod.stop()


def _count(mongod: EmbeddedMongod) -> int:
    with MongoClient(mongod.uri) as client:
        return client["town"]["notes"].count_documents({})


def _write(mongod: EmbeddedMongod) -> None:
    with MongoClient(mongod.uri) as client:
        client["town"]["notes"].insert_one({})


def test_an_acknowledged_write_survives_kill_9(directory: Path) -> None:
    mongod = _started(directory)
    _write(mongod)
    _kill(mongod)
    mongod.start()
    assert _count(mongod) == 1
    mongod.stop()


def test_it_listens_where_it_did_before(directory: Path) -> None:
    first = _started(directory)
    first.stop()
    second = _started(directory)
    assert second.port == first.port
    second.stop()


class _HangUp(socketserver.BaseRequestHandler):
    """A server of another kind: it does not understand what mongod says and hangs up."""

    def handle(self) -> None:
        self.request.recv(16)


@contextlib.contextmanager
def _squatter(port: int) -> Iterator[None]:
    socketserver.TCPServer.allow_reuse_address = True
    with socketserver.TCPServer(("127.0.0.1", port), _HangUp) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield
        server.shutdown()
        serving.join()


def test_it_moves_when_its_port_was_taken(directory: Path) -> None:
    mongod = _started(directory)
    _write(mongod)
    mongod.stop()
    with _squatter(mongod.port):
        moved = _started(directory)
        assert moved.port != mongod.port
        assert _count(moved) == 1
        _write(moved)
        moved.stop()


def test_an_interrupted_initiation_is_finished(directory: Path) -> None:
    for delay in (0.15, 0.3, 0.45, 0.6):
        mongod = EmbeddedMongod(directory, sizes=SIZES)
        starting = threading.Thread(target=_start_and_ignore, args=(mongod,))
        starting.start()
        time.sleep(delay)
        if mongod.pid is not None:
            os.kill(mongod.pid, signal.SIGKILL)
        starting.join()
        mongod.stop()
    mongod = _started(directory)
    _write(mongod)
    assert _count(mongod) == 1
    mongod.stop()


def _start_and_ignore(mongod: EmbeddedMongod) -> None:
    with contextlib.suppress(EmbeddedServiceError):
        mongod.start()


def test_a_directory_in_use_is_refused_with_the_owner(directory: Path) -> None:
    first = _started(directory)
    second = EmbeddedMongod(directory, sizes=MongodSizes(start_timeout=1.0))
    with pytest.raises(DataDirectoryInUse, match=rf"in use by process {first.pid} \(mongod\)"):
        second.start()
    assert first.pid is not None
    first.stop()


def test_why_it_cannot_start_is_said(directory: Path) -> None:
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "WiredTiger.turtle").write_text("not a turtle")
    (directory / "data" / "WiredTiger").write_text("nothing")
    with pytest.raises(EmbeddedServiceError, match=r"cannot start: \w.*mongod\.log") as caught:
        _started(directory)
    assert "aborting" not in str(caught.value)


def test_what_ends_before_it_logs_anything_is_said_to_have_ended(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "silent"
    silent.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "db version v6.0.5"\n')
    silent.chmod(0o755)
    monkeypatch.setattr("broker.embedded.mongod.packaged_mongod", lambda _: silent)
    with pytest.raises(EmbeddedServiceError, match=r"cannot start: see .*mongod\.log"):
        _started(directory)


def _instead_of_mongod(script: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr("broker.embedded.mongod.packaged_mongod", lambda _: path)


def test_one_that_is_at_work_is_waited_for_however_long_it_takes(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recovered = tmp_path / "recovered"
    work = "n=0; while [ $n -lt 3000000 ]; do n=$((n+1)); done"
    script = f"{work}; touch {recovered}; exec sleep 60"
    _instead_of_mongod(script, tmp_path / "busy", monkeypatch)
    mongod = EmbeddedMongod(directory, sizes=MongodSizes(start_timeout=1.0))
    with pytest.raises(EmbeddedServiceError, match=r"did nothing for 1 s; see .*mongod\.log"):
        mongod.start()
    assert recovered.exists()
    assert mongod.pid is None


def test_one_that_is_no_longer_wanted_is_stopped_while_it_starts(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _instead_of_mongod("exec sleep 60", tmp_path / "idle", monkeypatch)
    mongod = EmbeddedMongod(directory, sizes=SIZES)
    looks = iter((True, True, False, False))
    mongod.start(is_wanted=lambda: next(looks))
    assert mongod.pid is None


def test_the_newest_logs_are_kept(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.embedded.mongod._LOG_BYTES", 1)
    mongod = EmbeddedMongod(directory, sizes=SIZES)
    directory.mkdir()
    for number in range(5):
        mongod.log_path.write_text(f"log {number}")
        mongod.rotate_log()
    kept = {path.name: path.read_text() for path in directory.glob("mongod.log*")}
    assert kept == {"mongod.log.1": "log 4", "mongod.log.2": "log 3", "mongod.log.3": "log 2"}


def test_a_running_server_goes_on_in_a_new_log(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.embedded.mongod._LOG_BYTES", 1)
    mongod = _started(directory)
    mongod.rotate_log()
    while not mongod.log_path.exists():
        time.sleep(0.05)
    assert _count(mongod) == 0
    mongod.stop()
    assert mongod.log_path.stat().st_size > 0
