"""`mutsura adapters` as a process: list, check, run, an orderly stop, dead letters."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from unittest.mock import ANY

import orjson
import pytest

from adapters.runtime.store import FILE
from adapters.runtime.testing import TestBroker

READINGS = [
    {"sensor": "a1", "temperature": 21.5},
    {"sensor": "a2", "temperature": 9999},
    {"no": "sensor"},
]


@pytest.fixture
def config(tmp_path):
    """A configuration that polls a file of readings through the template, as a third party's."""
    lines = b"".join(orjson.dumps(one) + b"\n" for one in READINGS)
    (tmp_path / "readings.ndjson").write_bytes(lines)
    site = tmp_path / "site" / "adapters_of_a_third_party-1.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1\n")
    (site / "entry_points.txt").write_text("[mutsura.adapters]\ntemplate = adapters._template\n")
    path = tmp_path / "adapters.yaml"
    path.write_text(
        "broker: {url: '${BROKER_URL:-http://127.0.0.1:9}'}\ndata: data\n"
        "adapters: [{adapter: template, name: gauge, settings: {path: readings.ndjson}}]\n"
    )
    return path


@asynccontextmanager
async def command(config, *words, **environment):
    """Start `python -m adapters.runtime`, with the third party's adapter installed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.runtime",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": f".:{config.parent / 'site'}", **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def output_of(config, *words, **environment):
    async with command(config, *words, **environment) as process:
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def run_until(config, broker, condition, stop):
    async with command(config, "run", "--config", str(config), BROKER_URL=broker.url) as process:
        while not condition():
            assert process.returncode is None, (await process.communicate())[1].decode()
            await asyncio.sleep(0.02)
        process.send_signal(stop)
        return await process.wait()


def number_of_letters(config):
    file = config.parent / "data" / FILE
    if not file.is_file():
        return 0
    with closing(sqlite3.connect(file)) as db:
        try:
            return db.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
        except sqlite3.OperationalError:  # the tables are just being made
            return 0


async def test_list_shows_what_is_installed(config):
    code, out, _ = await output_of(config, "list", "--quality")
    assert code == 0
    assert "template" in out
    assert "rest" in out
    assert "done    acknowledges-after-commit" in out


async def test_check_tells_what_would_run_or_what_is_wrong(config):
    code, out, _ = await output_of(config, "check", "--config", str(config))
    assert code == 0
    assert "gauge: template into the default tenant" in out
    config.write_text(config.read_text().replace("path:", "pth:"))
    code, _, err = await output_of(config, "check", "--config", str(config))
    assert code == 1
    assert "unknown setting 'pth'; did you mean 'path'?" in err


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_run_stores_until_it_is_told_to_stop(config, stop):
    async with TestBroker().running() as broker:
        code = await run_until(config, broker, lambda: broker.entities, stop)
    assert code == 0
    assert list(broker.entities) == ["urn:ngsi-ld:Device:a1"]


async def test_a_killed_process_goes_on_where_it_was(config):
    async with TestBroker().running() as broker:
        await run_until(config, broker, lambda: broker.entities, signal.SIGKILL)
        more = {"sensor": "b1", "temperature": 1}
        with (config.parent / "readings.ndjson").open("ab") as file:
            file.write(orjson.dumps(more) + b"\n")
        code = await run_until(config, broker, lambda: len(broker.entities) == 2, signal.SIGTERM)
    assert code == 0
    assert "urn:ngsi-ld:Device:b1" in broker.entities


async def test_dead_letters_are_listed_shown_replayed_and_purged(config):
    words = ["--config", str(config)]
    async with TestBroker().running() as broker:
        broker.refuse("urn:ngsi-ld:Device:a1", "the type is not wanted here")
        await run_until(config, broker, lambda: number_of_letters(config) == 3, signal.SIGTERM)
        _, listed, _ = await output_of(config, "dead-letters", "list", *words)
        assert "3 dead letters" in listed
        assert "the type is not wanted here" in listed
        number = next(line.split()[0] for line in listed.splitlines() if "not wanted" in line)
        _, shown, _ = await output_of(config, "dead-letters", "show", *words, number)
        assert orjson.loads(shown)["entity"]["id"] == "urn:ngsi-ld:Device:a1"
        broker.forgive()
        _, replayed, _ = await output_of(
            config, "dead-letters", "replay", *words, BROKER_URL=broker.url
        )
        assert "1 written, 1 refused again, 1 without an entity" in replayed
        assert list(broker.entities) == ["urn:ngsi-ld:Device:a1"]
    _, of_folder, _ = await output_of(
        config, "dead-letters", "list", "--data", str(config.parent / "data"), "--adapter", "gauge"
    )
    assert of_folder.endswith("2 dead letters\n")
    code, _, err = await output_of(config, "dead-letters", "list", *words, "--adapter", "guage")
    assert (code, "did you mean 'gauge'" in err) == (1, True)
    code, _, err = await output_of(config, "dead-letters", "purge", *words)
    assert (code, "add --yes" in err) == (1, True)
    _, purged, _ = await output_of(config, "dead-letters", "purge", "--yes", *words)
    assert "2 dead letters thrown away" in purged


@pytest.mark.parametrize(
    ("options", "told"),
    [([], "give --config FILE, or --data FOLDER"), (["--data", "none"], "kept anything in none")],
)
async def test_letters_that_are_elsewhere_are_not_taken_for_none(config, options, told):
    code, _, err = await output_of(config, "dead-letters", "list", *options)
    assert code == 1
    assert told in err
    assert "mutsura serve keeps letters in the folder 'adapters'" in err


async def test_a_check_tells_of_every_adapter_what_its_settings_refer_to(tmp_path):
    path = tmp_path / "adapters.yaml"
    path.write_text(
        "adapters:\n"
        "  - { adapter: rest, settings: { mapping: gbsf } }\n"
        "  - { adapter: mqtt, settings: { groups: [ { resource: /iot/json } ] } }\n"
        "  - { adapter: csv, settings: { sources: [ { path: a.csv, mapping: no.toml } ] } }\n"
    )
    async with command(path, "check", "--config", str(path)) as process:
        _, told = await process.communicate()
    lines = told.decode().splitlines()
    assert process.returncode != 0
    assert "did you mean 'gbfs'" in lines[0]
    assert lines[1].startswith("adapters.yaml.adapters[1]: groups[0] has no apikey")
    assert "no.toml" in lines[2]


async def test_a_check_tells_every_fault_of_the_file_and_its_adapters_at_once(tmp_path):
    path = tmp_path / "adapters.yaml"
    path.write_text(
        "broker: { url: 'ftp://x', tenent: yaizu, token_file: none }\n"
        "schemas: [no-folder]\n"
        "adapters:\n"
        "  - { adapter: rest, name: '${NOT_SET}', settings: { mapping: gbsf } }\n"
        "  - { adapter: mqqt, tennant: x }\n"
        "  - { adapter: mqqt }\n"
        "  - { adapter: csv, settings: { sources: [ { path: a.csv, mapping: no.toml } ] } }\n"
    )
    async with command(path, "check", "--config", str(path)) as process:
        _, told = await process.communicate()
    assert [line.partition(": ")[::2] for line in told.decode().splitlines()] == [
        ("adapters.yaml.adapters[0].name", "the environment variable NOT_SET is not set"),
        ("adapters.yaml.broker", "unknown setting 'tenent'; did you mean 'tenant'?"),
        ("adapters.yaml.adapters[1]", "unknown setting 'tennant'; did you mean 'tenant'?"),
        ("adapters.yaml.adapters[0]", ANY),
        ("adapters.yaml.adapters[2]", "no adapter is called 'mqqt'; did you mean 'mqtt'?"),
        ("adapters.yaml.adapters[3]", ANY),
    ]


async def test_a_check_tells_every_fault_of_mappings_groups_and_sources(tmp_path):
    (tmp_path / "m.yaml").write_text(
        "title: t\nrecords: 'list['\nsources: {list: {url: 'http://a/'}}\n"
        "entities: [{id: 'urn:{[}', type: T, attributes: {a: {value: '['}, b: {value: ']'}}}]\n"
    )
    path = tmp_path / "adapters.yaml"
    path.write_text(
        "adapters:\n"
        "  - { adapter: rest, settings: { mapping: m.yaml } }\n"
        "  - { adapter: mqtt, settings: { password_file: none, families: [tasmota], timezone: x,"
        " groups: [ {}, 5 ], devices: [ {} ] } }\n"
        "  - { adapter: csv, settings: { sources: [ { path: a.csv, mapping: no.toml },"
        " { path: b.csv, mapping: none.toml } ] } }\n"
    )
    _, _, told = await output_of(path, "check", "--config", str(path))
    shown = told.replace(str(tmp_path), "").splitlines()
    assert [line.removeprefix("adapters.yaml.adapters")[:42] for line in shown] == [
        "[0]: m.yaml.records: 'list[' is not an exp",
        "[0]: m.yaml.entities[0].id: '[' is not an ",
        "[0]: m.yaml.entities[0].attributes.a.value",
        "[0]: m.yaml.entities[0].attributes.b.value",
        "[1]: cannot read /none: No such file or di",
        "[1]: groups[0] has no resource; resource a",
        "[1]: groups[1] is 5; it should be an objec",
        "[1]: devices[0] has no device_id",
        "[1]: family tasmota.timezone 'x' is not kn",
        "[2]: sources[0]: cannot read the mapping f",
        "[2]: sources[1]: cannot read the mapping f",
    ]


async def test_a_check_looks_for_the_files_of_the_broker_section(tmp_path):
    path = tmp_path / "adapters.yaml"
    path.write_text("broker: { token_file: none }\nschemas: [no-folder]\n")
    code, _, told = await output_of(path, "check", "--config", str(path))
    assert code == 1
    assert "adapters.yaml.broker.token_file: no file " in told
    assert "adapters.yaml.schemas: no folder " in told


async def test_a_patient_run_tells_of_a_wrong_configuration_once_and_uses_it_when_right(config):
    right = config.read_text()
    config.write_text(right.replace("path:", "pth:"))
    words = ("run", "--patient", "0.05", "--config", str(config))
    async with (
        TestBroker().running() as broker,
        command(config, *words, BROKER_URL=broker.url) as process,
    ):
        told = b""
        while b"did you mean 'path'" not in told:
            told += await process.stderr.readline()
        await asyncio.sleep(0.3)
        config.write_text(right)
        while not broker.entities:
            assert process.returncode is None, (await process.communicate())[1].decode()
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        told += (await process.communicate())[1]
    assert told.count(b"did you mean 'path'") == 1
    assert b"read again every" in told


async def test_a_patient_run_does_not_use_the_half_of_a_file_that_is_being_saved(config):
    right = config.read_text()
    half = right.partition("adapters:")[0]
    config.write_text("")
    words = ("run", "--patient", "0.2", "--config", str(config))
    async with (
        TestBroker().running() as broker,
        command(config, *words, BROKER_URL=broker.url) as process,
    ):
        while b"`adapters` is missing" not in await process.stderr.readline():
            assert process.returncode is None
        for written in range(20):  # a right one, but never for long enough
            config.write_text(f"{half}adapters: []\n#{written}\n")
            await asyncio.sleep(0.05)
        config.write_text(right)
        while not broker.entities:
            assert process.returncode is None, (await process.communicate())[1].decode()
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
