"""The template is a working adapter, and a copy of it is one too."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sys
from pathlib import Path

import pytest

from adapters._template.settings import Settings
from adapters._template.source import run
from adapters.runtime.configuration import read_configuration
from adapters.runtime.host import Host
from adapters.runtime.testing import TestBroker, adapter_context

TEMPLATE = Path(__file__).parents[4] / "adapters" / "_template"


@pytest.fixture
async def broker():
    async with TestBroker().running() as running:
        yield running


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A third party's adapter made of the template, installed with its entry point."""
    site = tmp_path / "site"
    package = site / "gauge_adapter"
    shutil.copytree(TEMPLATE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in package.iterdir():
        text = file.read_text("utf-8").replace("adapters._template", "gauge_adapter")
        file.write_text(text.replace('name = "template"', 'name = "gauge"'), "utf-8")
    info = site / "gauge_adapter-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gauge-adapter\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[mutsura.adapters]\ngauge = gauge_adapter\n")
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield package
    for name in [one for one in sys.modules if one.startswith("gauge_adapter")]:
        del sys.modules[name]


async def run_until(host, condition):
    running = asyncio.ensure_future(host.run())
    while not condition():
        assert not running.done()
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_copy_runs_and_goes_on_where_it_stopped(copy, broker, tmp_path):
    readings = tmp_path / "readings.ndjson"
    config = tmp_path / "adapters.yaml"
    config.write_text(
        f"broker: {{url: '{broker.url}'}}\ndata: data\n"
        "adapters: [{adapter: gauge, settings: {path: readings.ndjson, every: 10ms}}]\n"
    )
    configuration = await asyncio.to_thread(read_configuration, config)
    readings.write_text('{"sensor": "a1", "temperature": 21.5, "at": "2026-11-22T03:00:00Z"}\n')
    await run_until(Host(configuration), lambda: "urn:ngsi-ld:Device:a1" in broker.entities)
    assert broker.entities["urn:ngsi-ld:Device:a1"]["temperature"] == {
        "type": "Property",
        "value": 21.5,
        "unitCode": "CEL",
        "observedAt": "2026-11-22T03:00:00Z",
    }
    with readings.open("a") as file:
        file.write('{"sensor": "a2", "temperature": 3}\n{"sensor": "a3", "temp')
    await run_until(Host(configuration), lambda: "urn:ngsi-ld:Device:a2" in broker.entities)
    assert len(broker.entities) == 2


async def test_what_cannot_be_stored_is_a_dead_letter_with_its_reason(broker, tmp_path):

    broker.refuse("urn:ngsi-ld:Device:a4", "no such device")
    lines = [
        "{",
        "[]",
        '{"sensor": "a3", "temperature": 9999}',
        '{"sensor": "a4", "temperature": 1}',
    ]
    (tmp_path / "readings.ndjson").write_text("".join(f"{one}\n" for one in lines))
    settings = Settings(path=tmp_path / "readings.ndjson", every=0.01)
    async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
        running = asyncio.ensure_future(run(context))
        while await context.dead_letters.count() < 4:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        letters = {one.record.strip(): one.reason for one in await context.dead_letters.list()}
    reasons = [letters[one] for one in lines]
    assert "not JSON" in reasons[0]
    assert "no `sensor`" in reasons[1]
    assert "greater than the maximum" in reasons[2]
    assert "no such device" in reasons[3]
