"""What jsonschema says of schemas and values.

A module of its own because jsonschema takes a tenth of a second to import, and an ordinary entity
of an ordinary type never needs it (see `adapters.runtime.validation`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FullCheck: TypeAlias = Callable[[Any], str | None]
"""Says what is wrong with a value, `None` if nothing is."""


def schema_flaw(schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a schema, `None` if nothing is."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return error.message
    return None


def full_check(schema: Mapping[str, Any], documents: Mapping[str, Mapping[str, Any]]) -> FullCheck:
    """Return the check of a schema that may refer to documents by their names."""
    registry: Registry[Any] = Registry().with_resources(
        (name, DRAFT202012.create_resource(document)) for name, document in documents.items()
    )
    validator = Draft202012Validator(
        schema, registry=registry, format_checker=FormatChecker(formats=("date-time",))
    )

    def check(value: Any) -> str | None:
        fault = best_match(validator.iter_errors(value))
        return None if fault is None else _message(fault)

    return check


def _message(fault: ValidationError) -> str:
    path = "/".join(str(one) for one in fault.absolute_path)
    alternatives = "; ".join(one.message[:100] for one in (fault.context or [])[:3])
    place = f" (at {path})" if path else ""
    return f"{fault.message[:300]}{place}{f': {alternatives}' if alternatives else ''}"
