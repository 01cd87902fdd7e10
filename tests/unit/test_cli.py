"""The command line: what it prints, what it answers to mistakes, and its exit codes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
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


@pytest.mark.parametrize("command", ["check-config", "serve", "worker", "engine", "indexes"])
@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        ("MUTSURA_MONGODB_URI", "mongodb://", "mongodb.uri cannot be used: "),
        ("MUTSURA_MONGODB_URI", "mongodb://me:p@ss@h/", "Username and password must be escaped"),
        ("MUTSURA_OUTBOUND_CA_FILE", "/nowhere", "outbound.ca_file /nowhere cannot be read: No"),
        ("MUTSURA_OUTBOUND_CA_FILE", __file__, "holds no certificate in PEM"),
        ("MUTSURA_CONTEXTS_PRELOAD_DIRECTORY", "/nowhere", "cannot be read: No such file or dir"),
    ],
)
def test_a_value_only_its_user_can_judge(
    command: str,
    variable: str,
    text: str,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, text)
    assert main([command]) == EXIT_CONFIGURATION
    told = capsys.readouterr().err
    assert complaint in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("text", ["speed", "https://example.org/a b", ""])
def test_an_index_is_built_on_a_full_name_only(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["indexes", "--build", text])
    assert ended.value.code == 2
    assert "is not a full name, such as https://" in capsys.readouterr().err


def test_an_option_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--bogus"]) == 2
    assert "there is no command '--bogus'" in capsys.readouterr().err


def test_a_terminal_without_kanji_still_shows_a_report(tmp_path: Path) -> None:
    table = tmp_path / "222127_aed.csv"
    table.write_text("名称,緯度,経度,小児対応設備の有無\n焼津駅,34.87,138.32,有\n", "utf-8")
    command = [sys.executable, "-m", "broker", "import", "--dry-run", str(table)]
    surroundings = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 can be imported" in done.stdout
    assert "\\u" in done.stdout


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


def test_connectors_that_cannot_work_with_their_file_say_so_by_their_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "adapters.yaml"
    file.write_text("adapters: [{adapter: mqt}]")
    assert main(["adapters", "run", "--config", str(file)]) == EXIT_CONFIGURATION
    assert "no adapter is called 'mqt'; did you mean 'mqtt'?" in capsys.readouterr().err
    file.write_text("adapters: [")
    assert main(["adapters", "check", "--config", str(file)]) == 1
    told = capsys.readouterr().err
    assert "(at line 1, column 12)" in told
    assert told.count("\n") == 1


def test_a_working_directory_that_is_gone_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["check-config"]) == 1
    assert "the working directory is gone" in capsys.readouterr().err
