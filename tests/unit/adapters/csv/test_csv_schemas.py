"""Layouts, schemas, contexts and the guide agree."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from adapters.csv.arguments import _parser
from adapters.csv.importing import shipped_types
from adapters.csv.layout import KINDS, Layout
from adapters.csv.layout_files import parse_layout, shipped_layouts
from adapters.csv.vocabulary import CONTEXT_URL, NAMESPACE
from adapters.runtime.schemas import Schemas
from adapters.runtime.validation import Validation
from tests.unit.adapters.csv.tables import csv_bytes, imported_bytes

ROOT = Path(__file__).resolve().parents[4]
MODELS = ROOT / "schemas" / "models"
OF_CORE = {"description", "location"}
GUIDE = (ROOT / "docs" / "import.md").read_text("utf-8")


def terms(path: Path) -> dict[str, str]:
    return json.loads(path.read_text("utf-8"))["@context"]


def schema(entity_type: str) -> dict:
    return json.loads((MODELS / entity_type / "schema.json").read_text("utf-8"))


@pytest.mark.parametrize("entity_type", shipped_types())
def test_the_example_is_valid_and_all_its_names_are_in_the_context(entity_type):
    example = json.loads((MODELS / entity_type / "example.jsonld").read_text("utf-8"))
    Validation(Schemas(), strict_names=True).check(
        {name: value for name, value in example.items() if name != "@context"}
    )
    known = terms(MODELS / entity_type / "context.jsonld")
    assert example["@context"][0] == CONTEXT_URL
    assert example.keys() - {"id", "type", "@context"} - OF_CORE <= known.keys()


@pytest.mark.parametrize("entity_type", shipped_types())
def test_contexts_hold_every_attribute_of_the_schema(entity_type):
    own = terms(MODELS / entity_type / "context.jsonld")
    assert schema(entity_type)["properties"].keys() - {"id", "type"} - OF_CORE <= own.keys()
    assert own.items() <= terms(MODELS / "context.jsonld").items()
    assert all(iri.startswith((NAMESPACE, "https://smartdatamodels.org/", "https://schema.org/"))
               for iri in own.values())  # fmt: skip


@pytest.mark.parametrize("layout", shipped_layouts(), ids=lambda layout: layout.name)
def test_schemas_know_every_attribute_of_their_layouts(layout):
    for entity_type in layout.entity_types():
        known = schema(entity_type)["properties"]
        for attribute, column in layout.columns.items():
            if column.kind not in ("latitude", "longitude", "position", "dms"):
                assert attribute in known, entity_type


def test_the_map_names_every_context():
    mapping = json.loads((MODELS / "index.json").read_text("utf-8"))
    assert mapping[CONTEXT_URL] == "context.jsonld"
    for entity_type in shipped_types():
        file = f"{entity_type}/context.jsonld"
        assert mapping[f"https://uri.mutsura.dev/models/{file}"] == file
        assert (MODELS / file).is_file()


def filled(layout: Layout) -> list[list[str]]:
    """A file of the layout with a value that fits in every column."""
    values = {
        "integer": "3", "number": "3", "capacity": "3", "flag": "有", "date": "2026-04-01",
        "datetime": "2026-04-01 10:00", "time": "9:00", "url": "https://a.jp/",
        "urls": "https://a.jp/",
        "pictures": "https://a.jp/1.jpg", "latitude": "34.8", "longitude": "138.3",
        "position": "34.8,138.3", "code": "222127", "corporate": "7000012050002",
        "postal": "4250022",
        "phone": "054-626-1111", "weekdays": "月火", "timerange": "9:00～17:00", "marks": "1",
        "recurrence": "月 木", "rest": "月 木",
    }  # fmt: skip
    header, row = [], []
    for attribute, column in layout.columns.items():
        names = [names[0] for names in (*column.columns.values(), *column.fields.values())]
        if column.kind not in ("rest", "marks", "recurrence", "records") and column.headers:
            names.append(column.headers[0])
        value = values.get(column.kind, next(iter(column.values), "例"))
        value = "1990" if attribute.endswith("Year") else value
        value = next(iter(layout.types.get(attribute, {})), value)
        header += names
        row += [value] * len(names)
    return [header, row]


@pytest.mark.parametrize("layout", shipped_layouts(), ids=lambda layout: layout.name)
def test_what_a_layout_makes_of_good_values_fits_the_schema(layout):
    read = imported_bytes(csv_bytes(filled(layout)), "222127_x.csv", mapping=layout)
    assert read.mapped is not None, read.report.rejected
    (mapped,) = read.mapped.entities
    Validation(Schemas(), strict_names=True).check(mapped.entity)


@pytest.mark.parametrize(
    ("entity_type", "attribute", "value"),
    [
        ("FireWaterSource", "hydrantDiameter", -99999),
        ("EvacuationSite", "elevation", 9000),
        ("PopulationByArea", "male", -1),
        ("Defibrillator", "pediatricSupport", "maybe"),
        ("EvacuationShelter", "openingStatus", "half"),
        ("EvacuationSite", "hazardTypes", ["zombies"]),
        ("PublicToilet", "startTime", "9:00"),
        ("CulturalProperty", "designatedDate", "令和元年"),
        ("Event", "startDate", "2026/4/1"),
    ],
)
def test_schemas_refuse_what_cannot_be(entity_type, attribute, value):
    example = json.loads((MODELS / entity_type / "example.jsonld").read_text("utf-8"))
    entity = {**example, attribute: {"type": "Property", "value": value}}
    with pytest.raises(Exception, match=attribute):
        Validation(Schemas()).check(entity)


def test_the_guide_names_every_type_and_kind():
    assert [one for one in shipped_types() if f"`{one}`" not in GUIDE] == []
    assert [one for one in sorted(KINDS) if f"`{one}`" not in GUIDE] == []


def test_the_guide_names_every_option():
    options = [
        action.option_strings[-1]
        for action in _parser()._actions
        if action.option_strings and action.help != argparse.SUPPRESS
    ]
    missing = [one for one in options if f"`{one}" not in GUIDE and one != "--help"]
    assert [one for one in missing if one not in GUIDE] == []


def test_the_mapping_file_of_the_guide_is_right():
    layout = parse_layout(GUIDE.partition("```toml\n")[2].partition("```")[0], "guide.toml")
    header = ["市区町村コード", "NO", "名称", "樹種", "樹高", "植樹日", "保護樹", "緯度", "経度"]
    row = ["222127", "1", "大楠", "くすのき", "12ｍ", "昭和63年4月1日", "", "138.3", "34.8"]
    rows = [header, row]
    read = imported_bytes(csv_bytes(rows), "trees.csv", mapping=layout)
    entity = next(iter(read.mapped.entities)).entity
    assert entity["id"] == "urn:ngsi-ld:Tree:222127-1"
    assert entity["isProtected"] == {"type": "Property", "value": False}
    assert entity["height"] == {
        "type": "Property",
        "value": 12,
        "unitCode": "MTR",
        "observedAt": "1988-03-31T15:00:00Z",
    }
    assert entity["location"]["value"]["coordinates"] == [138.3, 34.8]


@pytest.mark.parametrize(
    "path", sorted(MODELS.glob("*/context.jsonld")), ids=lambda path: path.parent.name
)
def test_the_common_context_holds_the_terms_of_every_type(path):
    """A new type goes into `schemas/models/context.jsonld` too: names mean one thing everywhere."""
    own = {name: iri for name, iri in terms(path).items() if isinstance(iri, str)}
    assert own.items() <= terms(MODELS / "context.jsonld").items()
