"""Every real municipal file, through `mutsura import`, against an HTTP broker."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from adapters.csv.command import main
from adapters.csv.importing import ImportOptions, read_file
from adapters.csv.municipality import register
from adapters.csv.scratch import ScratchFile
from tests.integration.adapters.csv_broker import BrokerThread
from tests.shared_data import index_rows, municipal_files, needs_shared_data, shared_data

pytestmark = needs_shared_data

COMMENT_ROW_COUNTED = {"352128_tourism_cp932.csv": 1}
"""The index takes the comment row above the header for the header of this file."""

PUBLISHED_ELSEWHERE = {"yaizu_events_invalid_latlon.csv"}
FARTHEST_KM = 60


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerThread]:
    with BrokerThread() as running:
        yield running


def imported(path: Path, broker: BrokerThread, report: Path) -> dict:
    status = main([str(path), "--broker", broker.url, "--report", str(report)])
    assert status == 0
    return orjson.loads(report.read_bytes())["files"][0]


@pytest.mark.parametrize("path", municipal_files(), ids=lambda path: path.name)
def test_every_row_is_accounted_for_and_a_second_import_changes_nothing(path, tmp_path):
    with BrokerThread() as broker:
        first = imported(path, broker, tmp_path / "first.json")
        rows = first["rows"]
        held = orjson.dumps(broker.entities, option=orjson.OPT_SORT_KEYS)
        writes = broker.batches
        second = imported(path, broker, tmp_path / "second.json")["rows"]
        assert broker.batches == writes
        assert orjson.dumps(broker.entities, option=orjson.OPT_SORT_KEYS) == held
    outcomes = sum(count for name, count in rows.items() if name != "read")
    assert (
        rows["read"] == outcomes == index_rows()[path.name] - COMMENT_ROW_COUNTED.get(path.name, 0)
    )
    assert rows["created"] >= 0.9 * rows["read"]
    assert (second["created"], second["updated"]) == (0, 0)
    assert second["unchanged"] == rows["created"] + rows["updated"]
    assert first["layout"]


@pytest.mark.parametrize("path", municipal_files(), ids=lambda path: path.name)
def test_positions_lie_where_the_municipality_is(path):
    read = read_file(ScratchFile(path.read_bytes()), path.name, ImportOptions())
    assert read.mapped is not None
    entry = register().codes.get(read.report.municipality)
    if entry is None or entry.latitude is None or path.name in PUBLISHED_ELSEWHERE:
        pytest.skip("the file does not say which municipality it is of")
    distances = [
        entry.distance_km(*mapped.entity["location"]["value"]["coordinates"])
        for mapped in read.mapped.entities
        if "location" in mapped.entity
    ]
    assert all(distance < FARTHEST_KM for distance in distances)


def entities(name: str) -> dict[str, dict]:
    data = (shared_data() / "municipal" / name).read_bytes()
    read = read_file(ScratchFile(data), name, ImportOptions())
    return {mapped.entity["id"]: mapped.entity for mapped in read.mapped.entities}


def test_yanai_csv_and_tsv_are_the_same_entities():
    first, second = entities("352128_tourism_cp932.csv"), entities("352128_tourism_cp932.tsv")
    assert first.keys() == second.keys()
    assert all(first[one]["name"] == second[one]["name"] for one in first)
    assert sum("location" in entity for entity in first.values()) == 1


def test_both_layouts_of_takamatsu_toilets_are_the_same_entities():
    old, new = (
        entities("takamatsu_public_toilet_linkdata.csv"),
        entities("takamatsu_public_toilet_new.csv"),
    )
    assert old.keys() < new.keys()
    one = "urn:ngsi-ld:PublicToilet:372013-1"
    without_provenance = {n: v for n, v in old[one].items() if n not in ("license", "dataProvider")}
    assert without_provenance == new[one]


def test_editions_of_population_update_the_same_entities(broker, tmp_path):
    folder = shared_data() / "municipal"
    first = imported(folder / "takamatsu_population_2021-04.csv", broker, tmp_path / "1.json")
    second = imported(folder / "takamatsu_population_2021-05.csv", broker, tmp_path / "2.json")
    again = imported(folder / "takamatsu_population_2021-04.csv", broker, tmp_path / "3.json")
    assert first["rows"]["created"] == second["rows"]["updated"] == 235
    assert again["rows"]["superseded"] == 235
    some = next(e for e in broker.entities.values() if e["type"] == "PopulationByArea")
    assert some["totalPopulation"]["observedAt"] == "2021-04-30T15:00:00Z"


def test_editions_of_open_shelters_follow_each_other(broker, tmp_path):
    folder = shared_data() / "municipal"
    names = sorted(path.name for path in folder.glob("nanao_open_shelters_*"))
    for name in names:
        imported(folder / name, broker, tmp_path / "report.json")
    shelter = broker.entities["urn:ngsi-ld:EvacuationShelter:172022-CC0000000504"]
    assert shelter["evacueeTotal"]["value"] == 64
    assert shelter["evacueeTotal"]["observedAt"] == "2024-01-30T21:00:00Z"
    main([str(folder / names[-1]), "--broker", broker.url, "--complete", "end"])
    shelters = [e for e in broker.entities.values() if e["type"] == "EvacuationShelter"]
    closed = [e for e in shelters if e["openingStatus"]["value"] == "closed"]
    assert len(shelters) - len(closed) == 24
    assert closed
    assert all("endedAt" in one for one in closed)


def test_counts_of_nanao_agree_with_a_plain_reading():
    name = "nanao_designated_shelters.csv"
    text = (shared_data() / "municipal" / name).read_text("utf-8")
    plain = {row["ID"]: row for row in csv.DictReader(io.StringIO(text))}
    found = entities(name)
    assert len(found) == len(plain)
    for entity in found.values():
        row = plain[entity["identifier"]["value"]]
        floods = "flood" in entity.get("hazardTypes", {"value": []})["value"]
        assert floods == (row["災害種別_洪水"] == "1.0")
        position = [float(row["経度"]), float(row["緯度"])]
        assert entity["location"]["value"]["coordinates"] == pytest.approx(position)
