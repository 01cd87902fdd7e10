"""The command line: what it prints, what it answers to mistakes, and its exit codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import __version__
from broker.cli import main
from broker.config.load import EXIT_CONFIGURATION


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MUTSURA_CONFIG", raising=False)
    monkeypatch.delenv("MUTSURA_MONGODB_URI", raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"mutsura {__version__}\n"


def test_help_lists_own_and_added_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for name in (
        "serve",
        "worker",
        "engine",
        "check-config",
        "doctor",
        "settings",
        "adapters",
        "import",
    ):
        assert name in told


@pytest.mark.parametrize(
    ("word", "meant"),
    [("serv", " (was serve meant?)"), ("imports", " (was import meant?)"), ("frobnicate", "")],
)
def test_a_command_that_is_none(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"mutsura: there is no command '{word}'{meant}; there are: adapters, ")
    assert all(f", {name}" in told for name in ("doctor", "import", "serve"))


def test_no_command_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    told = capsys.readouterr().err
    assert "run everything on this machine" in told
    assert "More commands: adapters, import" in told


@pytest.mark.parametrize("command", ["listen", "mqtt"])
def test_a_port_that_is_none(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--port", "99999"])
    assert ended.value.code == 2
    assert "'99999' is not a whole number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_a_file_of_connectors_that_is_not_there(
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MUTSURA_ADAPTERS_FILE", str(tmp_path / "nope.yaml"))
    assert main([command]) == EXIT_CONFIGURATION
    assert "nope.yaml does not exist" in capsys.readouterr().err


def test_the_effective_settings_without_passwords(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mutsura.yaml"
    file.write_text("server: {port: 8026}")
    monkeypatch.setenv("MUTSURA_MONGODB_URI", "mongodb://me:hidden@db/")
    assert main(["check-config", "--config", str(file)]) == 0
    told = capsys.readouterr().out
    assert "server.port = 8026\n" in told
    assert "mongodb.uri = mongodb://me:***@db/\n" in told
    assert "hidden" not in told


def test_mistakes_in_the_settings_are_one_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUTSURA_SERVER_PRT", "1")
    monkeypatch.setenv("MUTSURA_SERVER_PORT", "x")
    assert main(["check-config"]) == EXIT_CONFIGURATION
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("mutsura: ") for line in lines)


@pytest.mark.parametrize("command", ["worker", "engine"])
def test_a_process_of_its_own_needs_a_database(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command]) == EXIT_CONFIGURATION
    assert "needs MUTSURA_MONGODB_URI" in capsys.readouterr().err


def test_a_command_of_another_package_gets_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters", "list"]) == 0
    assert "mqtt" in capsys.readouterr().out


def test_every_setting_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    told = capsys.readouterr().out
    assert "MUTSURA_SERVER_PORT (in a file: server.port) = 1026" in told


def test_every_operation_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes"]) == 0
    assert "| `POST /entities`" in capsys.readouterr().out
