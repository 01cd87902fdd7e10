"""`mutsura import` and the csv adapter against an HTTP broker and an HTTP server of files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
from aiohttp import web

from adapters.csv.command import main
from adapters.csv.files import fetch
from adapters.csv.settings import Settings, SourceSettings
from adapters.csv.source import run
from adapters.runtime.errors import Misconfigured, RetryLater
from adapters.runtime.health import State
from adapters.runtime.http_client import http_client
from adapters.runtime.manifest import find
from adapters.runtime.testing import TestBroker, adapter_context
from tests.integration.adapters.csv_broker import BrokerThread
from tests.unit.adapters.csv.tables import AED, aed, csv_bytes

ROWS = [AED, aed("1"), aed("2", "図書館", flag="☆"), aed("3", "公園")]


@pytest.fixture
def broker() -> Iterator[BrokerThread]:
    with BrokerThread() as running:
        yield running


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "222127_aed.csv"
    path.write_bytes(csv_bytes(ROWS, "cp932"))
    return path


def test_import_writes_and_reports(file, broker, capsys):
    assert main([str(file), "--broker", broker.url]) == 0
    assert "3 rows: 3 created, 0 updated, 0 unchanged, 0 rejected" in capsys.readouterr().out
    assert "urn:ngsi-ld:Defibrillator:222127-1" in broker.entities
    link = broker.broker.requests[-1][1]["Link"]
    assert "https://uri.mutsura.dev/context.jsonld" in link


def test_only_what_differs_is_written(file, broker, capsys):
    main([str(file), "--broker", broker.url])
    file.write_bytes(csv_bytes([AED, aed("1", place="3階"), *ROWS[2:], aed("4", "駅")]))
    capsys.readouterr()
    main([str(file), "--broker", broker.url])
    assert "4 rows: 1 created, 1 updated, 2 unchanged" in capsys.readouterr().out
    written = [entity["id"] for entity in broker.broker.batches[-1]]
    assert sorted(written) == [
        "urn:ngsi-ld:Defibrillator:222127-1",
        "urn:ngsi-ld:Defibrillator:222127-4",
    ]


def test_what_the_broker_adds_itself_is_left_alone(file, broker):
    main([str(file), "--broker", broker.url])
    held = broker.entities["urn:ngsi-ld:Defibrillator:222127-1"]
    held["batteryLevel"] = {"type": "Property", "value": 0.8}
    main([str(file), "--broker", broker.url])
    assert held["batteryLevel"]["value"] == 0.8
    assert len(broker.broker.batches) == 1


def test_a_refused_entity_is_a_rejected_row_and_the_rest_is_imported(file, broker, tmp_path):
    broker.broker.refuse("urn:ngsi-ld:Defibrillator:222127-2", "no room")
    report = tmp_path / "report.json"
    assert main([str(file), "--broker", broker.url, "--report", str(report)]) == 0
    document = orjson.loads(report.read_bytes())["files"][0]
    assert document["rows"]["created"] + document["rows"]["updated"] == 2
    assert document["rejected"][0]["row"] == 3
    assert "no room" in document["rejected"][0]["reason"]
    assert main([str(file), "--broker", broker.url, "--strict"]) == 1


def test_a_file_of_which_the_broker_takes_nothing_is_a_failure(file, broker):
    broker.broker.refuse_if(lambda entity: True, "no room")
    assert main([str(file), "--broker", broker.url]) == 1
    assert broker.entities == {}


def test_a_value_its_schema_forbids_is_left_out_and_told(broker, tmp_path, capsys):
    header = ["全国地方公共団体コード", "ID", "種別", "所在地_連結表記", "口径"]
    path = tmp_path / "222127_fire_hydrant.csv"
    path.write_bytes(csv_bytes([header, ["222127", "1", "消火栓", "焼津市", "-99999"],
                                ["222127", "2", "消火栓", "焼津市", "65"]]))  # fmt: skip
    main([str(path), "--broker", broker.url])
    out = capsys.readouterr().out
    assert "2 created" in out
    assert "to check: row 2, column E (口径) '-99999': -99999 is less than the minimum" in out
    assert "the row is imported without it" in out
    hydrant = broker.entities["urn:ngsi-ld:FireWaterSource:222127-1"]
    assert "hydrantDiameter" not in hydrant
    assert hydrant["hydrantDiameterNote"]["value"] == "-99999"
    main([str(path), "--broker", broker.url])
    assert "0 created, 0 updated, 2 unchanged" in capsys.readouterr().out


def test_an_entity_that_lacks_what_its_schema_demands_is_a_rejected_row(broker, tmp_path, capsys):
    mapping = tmp_path / "wells.toml"
    mapping.write_text(
        'type = "FireWaterSource"\nblocks = ["head"]\n'
        '[attributes]\nhydrantDiameter = { headers = ["口径"], kind = "number" }\n'
    )
    path = tmp_path / "222127_wells.csv"
    path.write_bytes(csv_bytes([["ID", "名称", "口径"], ["1", "井戸", "-99999"]]))
    main([str(path), "--mapping", str(mapping), "--broker", broker.url])
    out = capsys.readouterr().out
    assert "0 created, 0 updated, 0 unchanged, 1 rejected" in out
    assert "rejected: row 2" in out
    assert not broker.entities


def test_a_dry_run_needs_no_broker_and_writes_nothing(file, capsys):
    assert main([str(file), "--dry-run", "--broker", "http://127.0.0.1:9"]) == 0
    assert "checked only: 3 rows, 3 can be imported" in capsys.readouterr().out


def test_a_broker_that_is_not_there_is_told_at_once(file, capsys):
    assert main([str(file), "--broker", "http://127.0.0.1:9"]) == 1
    assert "mutsura serve" in capsys.readouterr().err


def test_several_files_one_of_them_bad(file, broker, tmp_path, capsys):
    page = tmp_path / "error.csv"
    page.write_bytes(b"<!DOCTYPE html><p>404</p>")
    assert main([str(page), str(file), str(tmp_path / "none.csv"), "--broker", broker.url]) == 1
    out = capsys.readouterr().out
    assert "error.csv: REFUSED" in out
    assert "none.csv: REFUSED" in out
    assert "3 files, 2 refused; 3 rows: 3 created" in out


def test_a_folder_is_all_its_tables(file, broker, tmp_path):
    (tmp_path / "notes.md").write_text("no table")
    assert main([str(tmp_path), "--broker", broker.url]) == 0
    assert len(broker.entities) == 3


def test_the_tenant_is_asked_for(file, broker):
    main([str(file), "--broker", broker.url, "--tenant", "yaizu"])
    assert len(broker.broker.tenants["yaizu"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name at least one file"),
        (["x.csv", "--mapping", "none.toml"], "cannot read the mapping file"),
        (["none.csv", "--propose-mapping"], "none.csv"),
    ],
)
def test_mistakes_on_the_command_line(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["x", "--municipality", "222128"], ["x", "--most-rejected", "2"]]
)
def test_wrong_options_are_named(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert arguments[1] in capsys.readouterr().err


def test_a_proposal_is_printed(file, capsys):
    assert main([str(file), "--propose-mapping"]) == 0
    assert "[attributes]" in capsys.readouterr().out


class FileServer:
    """Serves one file with an ETag and counts the answers."""

    def __init__(self) -> None:
        self.data = b""
        self.answers: list[int] = []

    async def answer(self, request: web.Request) -> web.Response:
        etag = f'"{hash(self.data)}"'
        status = 304 if request.headers.get("If-None-Match") == etag else 200
        self.answers.append(status)
        body = None if status == 304 else self.data
        return web.Response(status=status, body=body, headers={"ETag": etag})


@pytest.fixture
async def server():
    files = FileServer()
    app = web.Application()
    app.router.add_get("/{name}", files.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    files.url = f"http://127.0.0.1:{runner.addresses[0][1]}/222127_aed.csv"
    yield files
    await runner.cleanup()


def only(folder, pattern):
    [found] = folder.glob(pattern)
    return found


async def test_the_adapter_imports_a_url_when_it_has_changed(server, tmp_path):
    server.data = csv_bytes(ROWS)
    broker = TestBroker()
    settings = Settings(sources=[SourceSettings(url=server.url)])
    async with broker.running():
        async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
            await run(context)
        assert len(broker.entities) == 3
        async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
            await run(context)
            assert server.answers == [200, 304]
            server.data = csv_bytes([[*AED, "点検日"], [*aed("1", place="3階"), "2026-04-01"]])
            await run(context)
            report = orjson.loads(
                only(context.data / "reports", "222127_aed.csv.*.report.json").read_bytes()
            )
    assert (
        broker.entities["urn:ngsi-ld:Defibrillator:222127-1"]["installationLocation"]["value"]
        == "3階"
    )
    assert any("new: 点検日" in remark for remark in report["remarks"])


async def test_a_source_that_cannot_be_had_holds_up_no_other(server, tmp_path, unused_tcp_port):
    server.data = csv_bytes(ROWS)
    late, away = tmp_path / "222127_late.csv", f"http://127.0.0.1:{unused_tcp_port}/aed.csv"
    sources = [SourceSettings(path=late), SourceSettings(url=away), SourceSettings(url=server.url)]
    settings = Settings(sources=sources, every=0.05)
    broker = TestBroker()
    async with (
        broker.running(),
        adapter_context(settings, broker=broker.url, data=tmp_path) as context,
    ):
        running = asyncio.ensure_future(run(context))
        while len(broker.entities) < 3 or context.health.state is not State.WAITING:
            await asyncio.sleep(0.01)
        assert f"cannot read {late}: No such file" in context.health.detail
        assert f"{away} does not answer" in context.health.detail
        await asyncio.to_thread(late.write_bytes, csv_bytes([AED, aed("9")]))
        while len(broker.entities) < 4:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_single_look_ends_when_the_last_source_was_had(server, tmp_path):
    server.data = csv_bytes(ROWS)
    late = tmp_path / "222127_late.csv"
    settings = Settings(sources=[SourceSettings(path=late), SourceSettings(url=server.url)])
    broker = TestBroker()
    async with (
        broker.running(),
        adapter_context(settings, broker=broker.url, data=tmp_path) as context,
    ):
        running = asyncio.ensure_future(run(context))
        while context.health.state is not State.WAITING:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(late.write_bytes, csv_bytes([AED, aed("9")]))
        await running
    assert len(broker.entities) == 4
    assert server.answers == [200]


async def test_a_changed_mapping_file_or_setting_imports_the_same_file_again(server, tmp_path):
    server.data = csv_bytes(ROWS)
    broker = TestBroker()
    async with broker.running():
        for licence in ("CC BY 4.0", "CC BY 4.0", "CC0-1.0"):
            sources = [SourceSettings(url=server.url, license=licence)]
            settings = Settings(sources=sources)
            async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
                await run(context)
    assert server.answers == [200, 304, 200]
    assert "CC0-1.0" in str(broker.entities["urn:ngsi-ld:Defibrillator:222127-1"])


async def test_files_of_one_name_have_a_report_each(tmp_path):
    sources = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "data.csv"
        path.parent.mkdir()
        await asyncio.to_thread(path.write_bytes, csv_bytes(ROWS))
        sources.append(SourceSettings(path=path))
    broker = TestBroker()
    async with (
        broker.running(),
        adapter_context(Settings(sources=sources), broker=broker.url, data=tmp_path) as context,
    ):
        await run(context)
        reports = list((context.data / "reports").glob("data.csv.*.report.json"))
    assert len(reports) == 2


async def test_the_adapter_survives_a_broker_that_is_away(file, tmp_path):
    broker = TestBroker()
    settings = Settings(sources=[SourceSettings(path=file)])
    async with broker.running():
        broker.be_overloaded(3)
        async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
            await run(context)
    assert len(broker.entities) == 3


async def test_vanished_rows_are_reported_when_the_file_is_complete(file, tmp_path):
    broker = TestBroker()
    async with broker.running():
        for rows in (ROWS, ROWS[:2]):
            file.write_bytes(csv_bytes(rows))
            settings = Settings(sources=[SourceSettings(path=file, vanished="report")])
            async with adapter_context(settings, broker=broker.url, data=tmp_path) as context:
                await run(context)
                report = orjson.loads(
                    only(context.data / "reports", "222127_aed.csv.*.report.json").read_bytes()
                )
    assert report["vanished"] == [
        "urn:ngsi-ld:Defibrillator:222127-2",
        "urn:ngsi-ld:Defibrillator:222127-3",
    ]
    assert len(broker.entities) == 3


def test_the_manifest_is_in_order():
    manifest = find("csv")
    assert manifest.settings_class() is Settings
    assert all(one.status != "todo" for one in manifest.assessment())


def test_settings_name_what_is_missing():
    with pytest.raises(ValueError, match="either path or url"):
        SourceSettings()


async def test_a_wrong_mapping_file_is_misconfigured(file, tmp_path):
    (tmp_path / "own.toml").write_text("tpye = 'A'")
    source = SourceSettings(path=file, mapping=tmp_path / "own.toml")
    async with adapter_context(
        Settings(sources=[source]), broker="http://127.0.0.1:9", data=tmp_path / "data"
    ) as context:
        with pytest.raises(Misconfigured, match="did you mean 'type'"):
            await run(context)


def test_the_file_of_facilities_beside_is_used(broker, tmp_path):
    (tmp_path / "222127_facility.csv").write_bytes(
        csv_bytes(
            [["施設_ID", "施設_名称", "施設_所在地_連結表記"], ["F1", "市役所", "焼津市本町"]]
        )
    )
    main_file = tmp_path / "222127_aed.csv"
    main_file.write_bytes(
        csv_bytes([["ID", "施設_ID", "設置位置", "小児対応設備の有無"], ["1", "F1", "1階", "有"]])
    )
    assert main([str(main_file), "--broker", broker.url]) == 0
    entity = broker.entities["urn:ngsi-ld:Defibrillator:222127-1"]
    assert entity["name"]["value"] == "市役所"


def test_a_folder_without_tables_is_told(tmp_path, capsys):
    (tmp_path / "notes.md").write_text("no table")
    (tmp_path / "older").mkdir()
    assert main([str(tmp_path), "--dry-run"]) == 2
    assert "holds no .csv or .tsv file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ftp://a.jp/x.csv"], "only http:// and https:// addresses are fetched"),
        (["x.csv", "--broker", "127.0.0.1:1026"], "is no address such as http://"),
        (["x.csv", "--report", "/no/such/folder/r.json"], "cannot be written"),
        (["x.csv", "--report", "/"], "cannot be written"),
    ],
)
def test_wrong_commands_are_told_before_anything_is_read(arguments, says, capsys):
    try:
        status = main([*arguments, "--dry-run"])
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert says in capsys.readouterr().err


def test_a_broker_that_is_not_there_is_told_in_plain_words(file, capsys):
    main([str(file), "--broker", "http://127.0.0.1:9"])
    told = capsys.readouterr().err
    assert "no answer from http://127.0.0.1:9: connection refused; start it with" in told
    main([str(file), "--broker", "http://no-such-machine.invalid:9"])
    assert "the name of the machine is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "problem", "says"),
    [
        (400, {"type": "t", "detail": "the tenant name 'a b' is not allowed"}, "'a b' is not"),
        (504, {"type": "t", "detail": "the @context cannot be fetched"}, "@context cannot be"),
        (404, None, "is no NGSI-LD broker"),
    ],
)
def test_what_concerns_every_row_is_told_once(file, capsys, status, problem, says):
    with answering(status, problem) as url:
        assert main([str(file), "--broker", url]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.count("\n") == 1
    assert "rejected" not in told.out


@contextmanager
def answering(status, problem):
    """A server that answers every GET with one status and one problem."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<html>" if problem is None else orjson.dumps(problem)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):  # noqa: A002 - as inherited
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_address_may_hold_the_path_of_the_api(file, broker, capsys):
    assert main([str(file), "--broker", f"{broker.url}/ngsi-ld/v1/"]) == 0
    assert "3 rows: 3 created" in capsys.readouterr().out


def test_a_server_that_does_not_speak_tls_is_told_so(file, broker, capsys):
    assert main([str(file), "--broker", broker.url.replace("http:", "https:")]) == 1
    assert "no TLS connection is possible" in capsys.readouterr().err


def test_a_name_no_file_can_have_is_a_refused_file(capsys):
    assert main(["--dry-run", "x" * 5000]) == 1
    assert "File name too long" in capsys.readouterr().out


def test_a_page_that_is_no_table_does_not_flood_the_terminal(tmp_path, capsys):
    path = tmp_path / "wide.csv"
    path.write_text("a," * 100)
    main(["--dry-run", str(path)])
    told = capsys.readouterr().out
    assert told.count("  note: ") == 21
    assert "more (all with --report FILE or --verbose)" in told
    main(["--dry-run", "--verbose", str(path)])
    assert capsys.readouterr().out.count("  note: ") == 100


def test_a_token_file_that_cannot_be_read_is_a_wrong_command(file, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(file), "--token-file", "/nowhere"])
    assert ended.value.code == 2
    assert "/nowhere cannot be read" in capsys.readouterr().err


def test_an_address_without_a_file_is_told_with_what_to_do():
    async def fetched() -> list[str]:
        return [await _told(status) for status in (404, 403, 503)]

    missing, forbidden, away = asyncio.run(fetched())
    assert "answered 404" in missing
    assert "publisher's page" in missing
    assert "with a browser" in forbidden
    assert "try again later" in away


async def _told(status: int) -> str:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    server = web.Application()
    server.router.add_get("/x.csv", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        async with http_client(allow_private=True) as http:
            await fetch(f"http://127.0.0.1:{port}/x.csv", http, {}, 1000)
    except RetryLater as error:
        return error.detail
    finally:
        await runner.cleanup()
    return ""


def test_a_private_address_names_the_option_that_allows_it(capsys):
    assert main(["http://127.0.0.1:9/x.csv", "--dry-run"]) == 1
    assert "--private-addresses" in capsys.readouterr().out


def test_a_type_no_layout_has_is_doubted(file, capsys):
    main([str(file), "--dry-run", "--type", "Defibrilator"])
    assert "did you mean Defibrillator?" in capsys.readouterr().out
