"""The host with third-party adapters that are installed for the test, against a real server."""

from __future__ import annotations

import asyncio
import sys
import textwrap

import pytest

from adapters.runtime.broker_client import BrokerAddress
from adapters.runtime.configuration import Configuration, ConfiguredAdapter, read_configuration
from adapters.runtime.errors import Misconfigured
from adapters.runtime.health import State
from adapters.runtime.host import Host, HostLimits
from adapters.runtime.http_client import http_client
from adapters.runtime.manifest import find, installed
from adapters.runtime.quality import RULES
from adapters.runtime.testing import TestBroker

QUICK = HostLimits(first_pause=0.01, longest_pause=0.02, drain=1.0)
SOURCE = """
    import asyncio
    from dataclasses import dataclass
    from adapters.runtime.errors import Misconfigured, RetryLater
    from adapters.runtime.settings import setting

    runs = []

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Settings:
        behaviour: str = setting("write", help="what it does")
        entity: str = setting("urn:ngsi-ld:Thing:1", help="what it writes")

    async def run(context):
        runs.append(context.name)
        entity = {"id": context.settings.entity, "type": "Thing", "n": len(runs)}
        match context.settings.behaviour:
            case "write":
                await context.intake.store(entity, record="r")
            case "fail once" if len(runs) == 1:
                raise RetryLater("the source sleeps")
            case "crash once" if len(runs) == 1:
                raise ZeroDivisionError("a fault nobody foresaw")
            case "misconfigured":
                raise Misconfigured("the password is wrong; set `password`")
            case "for ever":
                await context.intake.store(entity, record="r")
                await asyncio.Event().wait()
            case "swallow":
                await context.intake.store(entity, record="r")
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    await asyncio.Event().wait()
            case "leave unsent":
                await context.writers.writer().submit(entity)
"""


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """A package with an adapter and the entry point that announces it, as pip installs them."""
    site = tmp_path / "site"
    package = site / "thing_adapter"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "source.py").write_text(textwrap.dedent(SOURCE))
    quality = "\n".join(f'{rule} = "done"' for rule in RULES)
    (package / "manifest.toml").write_text(
        'name = "thing"\nversion = "1.0"\ntitle = "Things"\nsummary = "For a test."\n'
        'kind = "stream"\nsettings = "thing_adapter.source:Settings"\n'
        f'entry = "thing_adapter.source:run"\n[quality]\n{quality}\n'
    )
    info = site / "thing_adapter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing-adapter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mutsura.adapters]\nthing = thing_adapter\n")
    monkeypatch.syspath_prepend(site)
    yield package
    for name in [one for one in sys.modules if one.startswith("thing_adapter")]:
        del sys.modules[name]


@pytest.fixture
async def broker():
    async with TestBroker().running() as running:
        yield running


async def configured(broker, tmp_path, *behaviours):
    manifest = await asyncio.to_thread(find, "thing")
    manifest.entry_point()
    settings = manifest.settings_class()
    return Configuration(
        BrokerAddress(broker.url),
        tmp_path / "data",
        tuple(
            ConfiguredAdapter(
                f"thing-{at}", manifest, settings(behaviour=one), BrokerAddress(broker.url)
            )
            for at, one in enumerate(behaviours)
        ),
    )


async def test_an_installed_adapter_is_found_and_run(third_party, broker, tmp_path):
    assert (await asyncio.to_thread(installed))["thing"] == "thing_adapter"
    host = Host(await configured(broker, tmp_path, "write"), QUICK)
    assert await host.run(once=True) is True
    assert broker.entities["urn:ngsi-ld:Thing:1"]["n"] == 1
    assert host.healths["thing-0"].state is State.FINISHED
    assert host.healths["thing-0"].counters == {"created": 1}


@pytest.mark.parametrize("behaviour", ["fail once", "crash once"])
async def test_an_adapter_that_fails_is_started_again(third_party, broker, tmp_path, behaviour):
    host = Host(await configured(broker, tmp_path, behaviour), QUICK)
    assert await host.run(once=True) is True
    assert host.healths["thing-0"].restarts == 1


async def test_a_misconfigured_adapter_stays_stopped_and_the_others_run(
    third_party, broker, tmp_path
):
    host = Host(await configured(broker, tmp_path, "misconfigured", "write"), QUICK)
    assert await host.run(once=True) is False
    assert host.healths["thing-0"].state is State.FAILED
    assert "set `password`" in host.healths["thing-0"].detail
    assert host.healths["thing-1"].state is State.FINISHED


async def test_an_orderly_stop_cancels_and_sends_what_is_queued(third_party, broker, tmp_path):
    host = Host(await configured(broker, tmp_path, "for ever", "leave unsent"), QUICK)
    running = asyncio.ensure_future(host.run())
    while "urn:ngsi-ld:Thing:1" not in broker.entities:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert host.healths["thing-0"].state is State.STOPPED
    assert host.status()[1]["writers"]["pending"] == 0


async def test_a_swallowed_cancellation_does_not_hold_up_the_stop(third_party, broker, tmp_path):
    limits = HostLimits(first_pause=0.01, longest_pause=0.02, drain=-0.9)
    host = Host(await configured(broker, tmp_path, "swallow"), limits)
    running = asyncio.ensure_future(host.run())
    while not broker.entities:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert host.healths["thing-0"].state is State.STOPPED


def write_configuration(tmp_path, text):
    path = tmp_path / "adapters.yaml"
    path.write_text(textwrap.dedent(text))
    return path


async def test_health_is_served(third_party, broker, tmp_path, unused_tcp_port):
    path = write_configuration(
        tmp_path,
        f"""
        broker: {{url: "{broker.url}"}}
        health: {{port: {unused_tcp_port}}}
        adapters:
          - {{adapter: thing, settings: {{behaviour: for ever}}}}
        """,
    )
    host = Host(await asyncio.to_thread(read_configuration, path), QUICK)
    running = asyncio.ensure_future(host.run())
    while not broker.entities:
        await asyncio.sleep(0.01)
    async with http_client(allow_private=True) as client:
        answer = await client.fetch(f"http://127.0.0.1:{unused_tcp_port}/health")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert b'"status":"ok"' in answer.body
    assert b'"state":"running"' in answer.body


def test_a_configuration_is_read_with_environment_and_paths(third_party, tmp_path):
    path = write_configuration(
        tmp_path,
        """
        broker: {url: "${BROKER}", tenant: "${TENANT:-yaizu}", token_file: token}
        data: store
        adapters:
          - {adapter: thing, name: one, tenant: shizuoka, settings: {entity: "urn:${ID}"}}
          - {adapter: thing, enabled: false}
        """,
    )
    found = read_configuration(path, environment={"BROKER": "http://b", "ID": "7"})
    assert found.broker.url == "http://b"
    assert found.broker.token_file == tmp_path / "token"
    assert found.data == tmp_path / "store"
    [one] = found.adapters
    assert one.settings.entity == "urn:7"
    assert one.broker.tenant == "shizuoka"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adapters: [{adapter: thingy}]", "did you mean 'thing'?"),
        ("adapters: [{adapter: thing, setings: {}}]", "did you mean 'settings'?"),
        ("adapters: [{adapter: thing, settings: {behavior: x}}]", "did you mean 'behaviour'?"),
        ("adapters: [{adapter: thing}, {adapter: thing}]", "used twice"),
        ("adapter: []", "did you mean 'adapters'?"),
        ("broker: {url: 'localhost:1026'}", "http:// or https://"),
        ("broker: {url: '${NOT_SET}'}", "the environment variable NOT_SET is not set"),
        ("adapters: [", "adapters.yaml"),
        ("", "`adapters` is missing"),
        ("broker: {tenant: yaizu}", "`adapters` is missing"),
        ("- a", "expected settings by name"),
    ],
)
def test_faults_of_a_configuration_name_place_and_remedy(third_party, tmp_path, text, message):
    with pytest.raises(Misconfigured) as caught:
        read_configuration(write_configuration(tmp_path, text), environment={})
    assert message in caught.value.detail


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "stream"', 'kind = "steam"', "did you mean 'stream'?"),
        ('entry = "thing_adapter.source:run"', 'entry = "thing_adapter.source"', "module:name"),
        ("source:run", "source:nothing", "cannot load entry"),
        ("source:run", "source:Settings", "not an async function"),
        ("source:Settings", "source:run", "not a dataclass"),
        ('name = "thing"', 'name = "other"', "called 'other' in its manifest"),
        ('idempotent = "done"', 'idempotent = "maybe"', "idempotent: say"),
        ("[quality]", "[quality", "manifest.toml"),
    ],
)
def test_faults_of_a_manifest_name_the_remedy(third_party, old, new, message):
    file = third_party / "manifest.toml"
    file.write_text(file.read_text().replace(old, new))

    def load():
        manifest = find("thing")
        manifest.settings_class()
        manifest.entry_point()

    with pytest.raises(Misconfigured) as caught:
        load()
    assert message in caught.value.detail
