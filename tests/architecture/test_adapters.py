"""Every adapter has the files it must have, and is documented."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from pathlib import Path

import pytest

from adapters.runtime import configuration, errors
from adapters.runtime.context import AdapterContext
from adapters.runtime.health import State
from adapters.runtime.manifest import read_manifest
from adapters.runtime.quality import RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
FOLDERS = sorted(one.parent for one in (ROOT / "adapters").glob("*/manifest.toml"))
NAMES = [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_an_adapter_has_its_files_and_its_manifest_is_right(folder):
    assert {"settings.py", "source.py", "README.md"} <= {one.name for one in folder.iterdir()}
    manifest = read_manifest(f"adapters.{folder.name}")
    assert dataclasses.is_dataclass(manifest.settings_class())
    assert inspect.iscoroutinefunction(manifest.entry_point())


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_every_setting_has_help(folder):
    settings = read_manifest(f"adapters.{folder.name}").settings_class()
    for one in dataclasses.fields(settings):
        assert one.metadata.get("help"), one.name


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_every_setting_is_documented(folder):
    pages = [folder / "README.md", *ROOT.glob(f"docs/{folder.name}*.md")]
    text = "\n".join(one.read_text(encoding="utf-8") for one in pages)
    settings = read_manifest(f"adapters.{folder.name}").settings_class()
    missing = [one.name for one in dataclasses.fields(settings) if one.name not in text]
    assert missing == []


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_mapping_is_pure(folder):
    """No mapping imports what does input or output."""
    forbidden = {"asyncio", "socket", "aiohttp", "pathlib", "sqlite3", "os"}
    file = folder / "mapping.py"
    if not file.is_file():
        return
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported.isdisjoint(forbidden)


@pytest.mark.parametrize("name", [one for one in NAMES if not one.startswith("_")])
def test_every_adapter_is_on_the_page(name):
    assert f"[`{name}`]" in PAGE


@pytest.mark.parametrize(
    "settings",
    [
        configuration.FileSettings,
        configuration.BrokerSettings,
        configuration.ListenSettings,
        configuration.AdapterSettings,
    ],
)
def test_every_setting_of_the_file_is_on_the_page(settings):
    for one in dataclasses.fields(settings):
        assert f"`{one.name}" in PAGE or f".{one.name}`" in PAGE, one.name


def test_rules_states_errors_and_the_context_are_on_the_page():
    for rule in RULES:
        assert f"| `{rule}` |" in PAGE
    for state in State:
        assert f"`{state.value}`" in PAGE
    classes = [
        name
        for name, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, errors.AdapterError)
    ]
    for name in set(classes) - {"AdapterError"}:
        assert name in PAGE
    for one in dataclasses.fields(AdapterContext):
        assert f"| `{one.name}" in PAGE or one.name == "name", one.name
