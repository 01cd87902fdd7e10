"""Every payload shape of the field gives the reading a person expects of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.mqtt.measure import Message
from adapters.runtime.schemas import Schemas
from adapters.runtime.validation import Validation
from tests.unit.adapters.mqtt.shapes import reader

FILE = Path(__file__).parents[3] / "data" / "mqtt" / "payload_shapes.jsonl"
SHAPES = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
VALIDATION = Validation(Schemas(), strict_names=False)
RECEIVED = "2026-01-01T00:00:00.000000Z"


def _read(shape: dict[str, Any]) -> list[dict[str, Any]]:
    text = shape["payload"]
    payload = bytes.fromhex(text) if shape["encoding"] == "hex" else text.encode()
    observations = reader().read(Message(shape["topic"], payload, RECEIVED))
    assert not [fault for one in observations for fault in one.translation.faults]
    for one in observations:
        for entity in one.translation.entities:
            VALIDATION.check(entity, partial=True)
    return [
        {"observedAt": one.translation.observed_at, **_simplified(entity)}
        for one in observations
        for entity in one.translation.entities
    ]


def _simplified(entity: dict[str, Any]) -> dict[str, Any]:
    values = {name: one["value"] for name, one in entity.items() if name not in ("id", "type")}
    if "location" in values:
        values["location"] = values["location"]["coordinates"]
    return values


@pytest.mark.parametrize("shape", SHAPES, ids=[shape["family"] for shape in SHAPES])
def test_shape_gives_the_expected_reading(shape: dict[str, Any]) -> None:
    read = _read(shape)
    expected = shape["expect"]
    if isinstance(expected, list):
        assert len(read) == len(expected)
        for one, wanted in zip(read, expected, strict=True):
            assert {name: one[name] for name in wanted} == wanted
        return
    merged: dict[str, Any] = {}
    for one in read:
        merged |= one
    assert {name: merged.get(name) for name in expected} == expected


def test_all_shapes_are_there() -> None:
    assert len(SHAPES) == 23


def test_times_that_are_not_stated_are_those_of_receipt() -> None:
    (read,) = _read(next(shape for shape in SHAPES if shape["family"] == "plain number"))
    assert read["observedAt"] == RECEIVED


def test_each_measure_of_an_ultralight_payload_has_its_own_time() -> None:
    read = _read(next(shape for shape in SHAPES if "two measures" in shape["family"]))
    assert [one["observedAt"] for one in read] == ["2025-11-26T00:00:00Z", "2025-11-26T00:05:00Z"]
