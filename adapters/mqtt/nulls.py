"""Null in values: NGSI-LD cannot hold it (clause 4.5.0); devices send it for "no value". Pure."""

from __future__ import annotations

from typing import Any

from adapters.mqtt.values import Unfit

NULL_URI = "urn:ngsi-ld:null"
DEEPEST = 100


def without_null(value: Any, depth: int = DEEPEST) -> Any:
    """Return a value without the members that are null; `None` where nothing is left of it.

    Raises `Unfit` for what no broker takes: null in an array, whose other elements would move up,
    and what is nested deeper than `depth`.
    """
    if depth == 0:
        raise Unfit(f"is nested deeper than {DEEPEST} levels")
    if isinstance(value, dict):
        if "@context" in value:
            raise Unfit("holds '@context', which no value may have")
        kept = {name: without_null(item, depth - 1) for name, item in value.items()}
        kept = {name: item for name, item in kept.items() if item is not None}
        return kept if kept or not value else None
    if isinstance(value, list):
        if any(item is None for item in value):
            raise Unfit("holds null in an array; the type JsonProperty would keep it as it is")
        return [without_null(item, depth - 1) for item in value]
    if value == NULL_URI:
        raise Unfit(f"is {NULL_URI}, which would delete the attribute")
    return value


def has_gap(value: Any) -> bool:
    """Say whether an object or array holds null at any depth."""
    if isinstance(value, dict):
        return any(item is None or has_gap(item) for item in value.values())
    return isinstance(value, list) and any(item is None or has_gap(item) for item in value)
