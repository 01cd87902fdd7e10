"""Entities against the JSON Schema of their type, before they are sent.

Schemas describe the simplified form, so an entity is simplified first (in memory only). Of an
entity that goes into an existing one (`partial`) nothing is required but what it brings. Types
without a schema pass: NGSI-LD itself puts no limit on types.

jsonschema takes some tenths of a millisecond for an entity. A compiled check of the common
keywords decides first, and jsonschema is asked only about what that check does not call valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapters.runtime.errors import Invalid, Misconfigured
from adapters.runtime.schemas import Schemas
from adapters.runtime.settings import nearest
from adapters.runtime.sure_check import sure_check
from adapters.runtime.unchanged import KIND_BY_MEMBER

if TYPE_CHECKING:  # imported where it is needed: it is seldom needed, and slow to import
    from adapters.runtime.json_schema import FullCheck

VALUE_MEMBERS = ("value", *KIND_BY_MEMBER)
_TEXTS_REMEMBERED = 1024
"""How many texts of one attribute are remembered: the cells of many a column are few."""
NOT_ATTRIBUTES = frozenset({"id", "type", "@context", "scope", "expiresAt"})


class Validation:
    """Checks entities by their type. `strict_names` refuses attributes the schema does not know."""

    def __init__(self, schemas: Schemas, *, strict_names: bool = False) -> None:
        self._schemas = schemas
        self._strict_names = strict_names
        self._types: dict[str, _TypeCheck | None] = {}

    def check(self, entity: Mapping[str, Any], *, partial: bool = False) -> None:
        """Raise `Invalid` when an entity (normalized or concise) does not fit its schemas."""
        given = entity.get("type")
        types = given if isinstance(given, list) else [given]
        for one in types:
            if not isinstance(one, str) or not one:
                raise Invalid(f"{entity.get('id')}: the entity has no type", attribute="type")
            check = self.of_type(one)
            if check is not None:
                check.check(entity, partial=partial)

    def is_sure_of(self, entity: Mapping[str, Any]) -> bool:
        """Tell, without touching a file, whether an entity is known to fit; else `check` decides.

        Of the first entity of a type nothing is known: `check` reads what its schema says.
        """
        one = entity.get("type")
        if not isinstance(one, str) or one not in self._types:
            return False
        check = self._types[one]
        return check is None or check.is_sure_of(entity)

    def of_type(self, entity_type: str) -> _TypeCheck | None:
        """Return the check of one type, `None` if it has no schema."""
        if entity_type not in self._types:
            schema = self._schemas.schema(entity_type)
            self._types[entity_type] = (
                None
                if schema is None
                else _TypeCheck(entity_type, schema, self._schemas, strict=self._strict_names)
            )
        return self._types[entity_type]


class _TypeCheck:
    def __init__(
        self, entity_type: str, schema: Mapping[str, Any], schemas: Schemas, *, strict: bool
    ) -> None:
        self._type = entity_type
        self._required = frozenset(schema.get("required", ())) - {"id", "type"}
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        self._strict = strict
        self._documents = schemas.documents
        if not schemas.is_shipped(entity_type):
            _refuse_flawed(entity_type, schema)
        self._sure = {
            name: sure_check(one, schemas.definition) for name, one in self._properties.items()
        }
        self._sure_of_text = {
            name: lru_cache(_TEXTS_REMEMBERED)(one)
            for name, one in self._sure.items()
            if name not in NOT_ATTRIBUTES
        }
        self._whole = None if not _spans(schema) else self._full_check(schema)
        self._single: dict[str, FullCheck] = {}

    def _full_check(self, schema: Mapping[str, Any]) -> FullCheck:
        from adapters.runtime.json_schema import full_check  # noqa: PLC0415

        return full_check(schema, self._documents)

    def is_sure_of(self, entity: Mapping[str, Any]) -> bool:
        if self._whole is not None or not self._required <= entity.keys():
            return False
        for name, attribute in entity.items():
            sure_of_text = self._sure_of_text.get(name)
            if sure_of_text is None:
                if self._strict and name not in NOT_ATTRIBUTES:
                    return False
                continue
            value = attribute.get("value") if type(attribute) is dict else None
            if type(value) is str:
                if not sure_of_text(value):
                    return False
            elif not all(map(self._sure[name], simple_values(attribute))):
                return False
        return True

    def check(self, entity: Mapping[str, Any], *, partial: bool) -> None:
        if not partial and not self._required <= entity.keys():
            missing = sorted(self._required - entity.keys())
            raise self._invalid(entity, missing[0], f"{', '.join(missing)} missing")
        for name, attribute in entity.items():
            sure = self._sure.get(name)
            if sure is None:
                self._unknown(entity, name)
            elif name not in NOT_ATTRIBUTES:
                for value in simple_values(attribute):
                    if not sure(value):
                        self._slowly(entity, name, value)
        if self._whole is not None and not partial:
            self._together(entity, self._whole)

    def _unknown(self, entity: Mapping[str, Any], name: str) -> None:
        if self._strict and name not in NOT_ATTRIBUTES:
            hint = nearest(name, self._properties)
            raise self._invalid(entity, name, f"the type has no attribute of this name; {hint}")

    def _slowly(self, entity: Mapping[str, Any], name: str, value: Any) -> None:
        check = self._single.get(name)
        if check is None:
            check = self._single[name] = self._full_check(self._properties[name])
        fault = check(value)
        if fault is not None:
            raise self._invalid(entity, name, fault)

    def _together(self, entity: Mapping[str, Any], check: FullCheck) -> None:
        simplified = {
            name: (member if name in NOT_ATTRIBUTES else simple_values(member)[0])
            for name, member in entity.items()
        }
        fault = check(simplified)
        if fault is not None:
            raise self._invalid(entity, None, fault)

    def _invalid(self, entity: Mapping[str, Any], name: str | None, message: str) -> Invalid:
        place = f"{entity.get('id')} ({self._type})"
        return Invalid(f"{place}{'.' + name if name else ''}: {message}", attribute=name)


def _refuse_flawed(entity_type: str, schema: Mapping[str, Any]) -> None:
    from adapters.runtime.json_schema import schema_flaw  # noqa: PLC0415

    flaw = schema_flaw(schema)
    if flaw is not None:
        raise Misconfigured(f"the schema of {entity_type} is wrong: {flaw}")


def _spans(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema has rules beyond those of each property and `required`."""
    per_property = {"$schema", "$id", "$comment", "title", "description", "type", "properties"}
    return bool(schema.keys() - per_property - {"required", "examples", "x-source"})


def simple_values(attribute: Any) -> list[Any]:
    """Return the value of every instance of an attribute, as the simplified form has it."""
    if isinstance(attribute, dict):
        return [_plain(attribute["value"]) if "value" in attribute else _simple(attribute)]
    if isinstance(attribute, list) and attribute and all(_is_instance(one) for one in attribute):
        return [_simple(one) for one in attribute]
    return [attribute]


def _simple(instance: dict[str, Any]) -> Any:
    for member in VALUE_MEMBERS:
        if member in instance:
            return _plain(instance[member])
    return _plain(instance)


def _plain(value: Any) -> Any:
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _is_instance(one: Any) -> bool:
    return isinstance(one, dict) and any(member in one for member in VALUE_MEMBERS)
