"""The doctor names what keeps the broker from running, and the remedy."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker import doctor
from broker.config import Settings, load_settings
from broker.doctor import Finding, Verdict, examine
from broker.embedded.ports import free_port
from tests.servers import Mosquitto

_NOBODY = 65534


def _settings(data: Path, **variables: str) -> Settings:
    given = {"MUTSURA_SERVER_PORT": str(free_port()), "MUTSURA_DATA_DIRECTORY": str(data)}
    return load_settings(given | variables)


def _only(findings: list[Finding], subject: str) -> Finding:
    (found,) = [one for one in findings if one.subject == subject]
    return found


def test_a_machine_that_will_do(
    tmp_path: Path, mongodb_uri: str, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _settings(tmp_path, MUTSURA_MONGODB_URI=mongodb_uri, MUTSURA_MQTT_URL=mosquitto.url)
    assert examine(settings) == 0
    told = capsys.readouterr().out
    assert "replica set" in told
    assert "clock         agrees with the database's" in told
    assert "lets us in" in told
    assert told.endswith("everything is ready\n")


def test_the_embedded_database_is_tried(tmp_path: Path) -> None:
    found = _only(list(doctor.check_database(_settings(tmp_path))), "database")
    assert found.verdict is Verdict.GOOD
    assert "the embedded MongoDB runs" in found.found


def test_what_does_not_answer_is_named_with_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = free_port()
    settings = _settings(
        tmp_path,
        MUTSURA_MONGODB_URI=f"mongodb://user:hidden@127.0.0.1:{nobody}/",
        MUTSURA_MQTT_URL=f"mqtt://user:hidden@127.0.0.1:{nobody}",
    )
    assert examine(settings) == 1
    told = capsys.readouterr().out
    assert "correct MUTSURA_MONGODB_URI" in told
    assert "correct MUTSURA_MQTT_URL" in told
    assert "hidden" not in told
    assert told.endswith("2 of 5 failed\n")


def test_a_taken_port_is_bad(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = _settings(tmp_path, MUTSURA_SERVER_PORT=port)
        found = _only(list(doctor.check_network(settings)), "port")
    assert found.verdict is Verdict.BAD
    assert "MUTSURA_SERVER_PORT" in found.remedy


def test_an_open_address_is_doubtful(tmp_path: Path) -> None:
    settings = _settings(tmp_path, MUTSURA_SERVER_HOST="0.0.0.0")
    found = _only(list(doctor.check_network(settings)), "network")
    assert found.verdict is Verdict.DOUBTFUL


@pytest.mark.parametrize(
    ("free", "verdict"), [(100, Verdict.BAD), (2 * 1024**3, Verdict.DOUBTFUL), (1e12, Verdict.GOOD)]
)
def test_space_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, verdict: Verdict
) -> None:
    usage = dataclasses.make_dataclass("Usage", ["free"])(free)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    found = _only(list(doctor.check_data_directory(_settings(tmp_path / "not" / "yet"))), "disk")
    assert found.verdict is verdict


def test_too_few_open_files_are_doubtful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _which: (256, 1024))
    found = _only(list(doctor.check_limits(_settings(tmp_path))), "open files")
    assert found.verdict is Verdict.DOUBTFUL
    assert "ulimit -n 4096" in found.remedy


def test_a_shell_that_allows_few_files_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _which: (256, 4096))
    found = _only(list(doctor.check_limits(_settings(tmp_path))), "open files")
    assert found.verdict is Verdict.GOOD


@contextmanager
def not_root() -> Iterator[None]:
    """Be somebody else where one is root, who may look and write everywhere."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_directory_in_one_that_is_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    settings = _settings(closed / "data")
    with not_root():
        found = _only(list(doctor.check_data_directory(settings)), "data")
        user = os.getuid()
    assert found.verdict is Verdict.BAD
    assert f"sudo install -d -o {user} {closed}/data" in found.remedy
