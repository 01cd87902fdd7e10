"""Every entity type has a schema its example fits, and a @context that knows its names."""

from __future__ import annotations

from importlib import resources

import orjson
import pytest

from adapters.runtime.errors import Invalid
from adapters.runtime.schemas import Schemas
from adapters.runtime.validation import Validation

MODELS = resources.files("schemas") / "models"
SCHEMAS = Schemas()
[CORE_FILE] = (resources.files("schemas") / "core").glob("*.jsonld")
CORE = orjson.loads(CORE_FILE.read_bytes())["@context"].keys()


def read(*path):
    return orjson.loads(MODELS.joinpath(*path).read_bytes())


@pytest.mark.parametrize("name", SCHEMAS.types())
def test_the_example_fits_the_schema(name):
    example = read(name, "example.jsonld")
    assert example["type"] == name
    Validation(SCHEMAS, strict_names=True).check(example)


@pytest.mark.parametrize("name", SCHEMAS.types())
def test_the_context_knows_every_name_as_all_types_together_do(name):
    context = read(name, "context.jsonld")["@context"]
    together = read("context.jsonld")["@context"]
    assert set(SCHEMAS.schema(name)["properties"]) - CORE <= context.keys()
    assert {term: together.get(term) for term in context} == context
    assert context.keys().isdisjoint(CORE)


def test_contexts_are_known_by_their_urls():
    files = set(read("index.json").values())
    assert files == {"context.jsonld", *(f"{name}/context.jsonld" for name in SCHEMAS.types())}


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("WeatherObserved", "temperature", -99999),
        ("WeatherObserved", "relativeHumidity", 51),
        ("WeatherObserved", "windDirection", 16 * 22.5 + 1),
        ("WeatherObserved", "dateObserved", "2021/04/01 9:00"),
        ("AirQualityObserved", "pm25", -1),
        ("BikeHireDockingStation", "availableBikeNumber", 1.5),
        ("BikeHireDockingStation", "status", ["open"]),
        ("WaterObserved", "levelState", "high"),
        ("Device", "batteryLevel", 93),
        ("IndoorEnvironmentObserved", "co2", "640"),
    ],
)
def test_implausible_values_are_refused(name, attribute, value):
    entity = {**read(name, "example.jsonld"), attribute: value}
    with pytest.raises(Invalid) as caught:
        Validation(SCHEMAS).check(entity)
    assert caught.value.attribute == attribute
