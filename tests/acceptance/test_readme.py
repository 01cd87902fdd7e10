"""The tour of the README works as typed.

Its `sh` blocks run one after another in one shell, against a node with the sample city; each line
of the block of output that follows a command must occur in what the command printed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from broker.embedded.ports import free_port
from tests.nodes import ROOT, RunningNode, eventually

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEMO = ("--config", str(ROOT / "deploy" / "demo" / "mutsura.toml"))


@dataclass(frozen=True)
class Step:
    commands: str
    expected: list[str]


def _tour(page: str) -> list[Step]:
    text = (ROOT / page).read_text(encoding="utf-8")
    steps: list[Step] = []
    for language, block in _BLOCK.findall(text):
        if language == "sh":
            steps.append(Step(block, []))
        elif steps and not language:
            steps[-1].expected.extend(block.splitlines())
    return steps


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    data = tmp_path_factory.mktemp("tour") / "data"
    with RunningNode(data, *_DEMO) as running:
        eventually(lambda: "Loaded:" in running.output.read_text())
        # Whoever types takes longer than the sensors; on a slow start this test does not.
        eventually(lambda: _weather_stations(running) == 2)
        yield running


def _weather_stations(node: RunningNode) -> int:
    """Return how many have measured a temperature, by the full names of type and attribute."""
    models = "https%3A%2F%2Fsmartdatamodels.org%2FdataModel.Weather%2F"
    with urlopen(f"{node.url}/ngsi-ld/v1/entities?type={models}WeatherObserved") as answer:
        return len(json.load(answer))


@pytest.mark.parametrize("page", ["README.md", "README.ja.md"])
def test_the_tour_works_as_typed(page: str, node: RunningNode, tmp_path: Path) -> None:
    steps = _tour(page)
    assert len(steps) >= 8
    shutil.copytree(ROOT / "deploy" / "demo" / "city", tmp_path / "deploy" / "demo" / "city")
    printed = _type(steps, node, tmp_path)
    for step, output in zip(steps, printed, strict=True):
        for line in step.expected:
            assert line in output, f"{step.commands}\n{output}"


def _type(steps: list[Step], node: RunningNode, folder: Path) -> list[str]:
    """Run the steps in one shell; return what each printed."""
    program = folder / ".venv" / "bin" / "mutsura"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m broker "$@"\n')
    program.chmod(0o755)
    mark = "---- next step ----"
    script = f"\necho '{mark}'\n".join(step.commands for step in steps)
    script = script.replace("http://127.0.0.1:1026", node.url).replace("9026", str(free_port()))
    script = script.replace("mutsura import", f"mutsura import --broker {node.url}")
    ended = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    ran = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", ended + script],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr + node.errors.read_text()
    return ran.stdout.split(f"{mark}\n")


def test_both_languages_have_the_same_commands() -> None:
    english, japanese = _tour("README.md"), _tour("README.ja.md")
    assert [step.commands for step in english] == [step.commands for step in japanese]
    assert [step.expected for step in english] == [step.expected for step in japanese]


def test_both_languages_have_the_same_sections() -> None:
    counts = [
        len(re.findall(r"^## ", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))
        for page in ("README.md", "README.ja.md")
    ]
    assert counts[0] == counts[1]
