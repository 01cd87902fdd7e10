"""Records to entities, by a mapping file. Pure.

Expressions are JMESPath with the functions of `functions`. They see `record`, every source's
document by its name, what `let` computes, what each `join` found, and as `adapter` the configured
name of the adapter, which keeps the ids of two partners of one kind apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from adapters.rest.expressions import all_of, compiled, compiled_if_given, search
from adapters.rest.settings import AttributeSpec, EntitySpec, JoinSpec, MappingSpec
from adapters.runtime.errors import SkipRecord
from adapters.runtime.faults import Faults

Scope = Mapping[str, Any]
PLACE = re.compile(r"\{([^{}]+)\}")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


@dataclass(frozen=True, slots=True)
class Record:
    """One record with everything its expressions see; `place` is where the document has it."""

    given: Any
    scope: Scope
    place: str


class RecordMapping:
    """A compiled mapping; raises `Misconfigured` for expressions that cannot be read."""

    def __init__(self, spec: MappingSpec, *, where: str) -> None:
        self.spec = spec
        faults = Faults()
        with faults.collected():
            self._records = compiled(spec.records, f"{where}.records")
        with faults.collected():
            self._valid_for = compiled_if_given(spec.valid_for, f"{where}.valid_for")
        self._let = all_of(
            {n: partial(compiled, one, f"{where}.let.{n}") for n, one in spec.let.items()}, faults
        )
        self._joins = all_of(
            {n: partial(_Join, one, f"{where}.join.{n}") for n, one in spec.join.items()}, faults
        )
        self._urls = all_of(
            {
                name: partial(_Template, one.url, f"{where}.sources.{name}.url", one.values)
                for name, one in spec.sources.items()
            },
            faults,
        )
        places = {f"entities[{at}]": one for at, one in enumerate(spec.entities)}
        templates = all_of(
            {at: partial(_EntityTemplate, one, at, file=where) for at, one in places.items()},
            faults,
        )
        self._entities = list(templates.values())
        faults.raise_if_any()

    def url(self, source: str, documents: Scope, *, template: str | None = None) -> str:
        """Return the URL of a source, given the documents fetched before it.

        Raises `SkipRecord` when a value it needs is not there.
        """
        known = self._urls[source]
        used = known if template is None else known.retold(template)
        return used.fill(documents, f"the URL of {source}")

    def valid_for(self, documents: Scope) -> float | None:
        """Return the seconds for which the partner says its data hold."""
        found = search(self._valid_for, documents) if self._valid_for else None
        return float(found) if isinstance(found, int | float) else None

    def records(self, documents: Scope) -> Iterator[Record]:
        """Yield the records; raises `SkipRecord` when the documents hold no list of them."""
        found = search(self._records, documents)
        if not isinstance(found, list):
            raise SkipRecord(
                f"`records: {self.spec.records}` finds {type(found).__name__} instead of a list"
            )
        shared = {**documents, **{n: search(one, documents) for n, one in self._let.items()}}
        tables = {name: join.index(shared) for name, join in self._joins.items()}
        for number, given in enumerate(found):
            place = f"{self.spec.records}[{number}]"
            yield Record(given, self._scope(given, shared, tables), place)

    def _scope(self, given: Any, shared: Scope, tables: Mapping[str, Mapping[str, Any]]) -> Scope:
        scope = {**shared, "record": given}
        for name, join in self._joins.items():
            scope[name] = join.find(scope, tables[name])
        return scope

    def entities(self, record: Record) -> list[dict[str, Any]]:
        """Return what a record becomes; raises `SkipRecord` with the reason if it cannot."""
        for name, join in self._joins.items():
            if join.required and record.scope[name] is None:
                raise SkipRecord(
                    f"{name} has no {join.wanted(record.scope)!r}, which {join.by} names"
                )
        made = [template.entity(record.scope) for template in self._entities]
        return [one for one in made if one is not None]


class _Join:
    def __init__(self, spec: JoinSpec, where: str) -> None:
        self.required = spec.required
        self.by = spec.by
        self._table = compiled(spec.table, f"{where}.table")
        self._key = compiled_if_given(spec.key, f"{where}.key")
        self._by = compiled(spec.by, f"{where}.by")

    def index(self, shared: Scope) -> Mapping[str, Any]:
        table = search(self._table, shared)
        if isinstance(table, dict):
            return table
        if not isinstance(table, list) or self._key is None:
            return {}
        return {str(search(self._key, one)): one for one in table}

    def wanted(self, scope: Scope) -> str | None:
        """Return the key to look up for a record."""
        key = search(self._by, scope)
        return None if key is None else str(key)

    def find(self, scope: Scope, table: Mapping[str, Any]) -> Any:
        wanted = self.wanted(scope)
        return None if wanted is None else table.get(wanted)


class _EntityTemplate:
    def __init__(self, spec: EntitySpec, place: str, *, file: str) -> None:
        where = f"{file}.{place}"
        self._place = place
        self._type = spec.type
        faults = Faults()
        with faults.collected():
            self._id = _Template(spec.id, f"{where}.id")
        with faults.collected():
            self._when = compiled_if_given(spec.when, f"{where}.when")
        self._attributes = all_of(
            {
                name: partial(_AttributeTemplate, one, f"{where}.attributes.{name}")
                for name, one in spec.attributes.items()
            },
            faults,
        )
        faults.raise_if_any()

    def entity(self, scope: Scope) -> dict[str, Any] | None:
        if self._when is not None and search(self._when, scope) in (None, False):
            return None
        entity_id = self._id.fill(scope, "the id")
        if not URI.fullmatch(entity_id):
            raise SkipRecord(f"the id {entity_id!r} is not a URI")
        entity: dict[str, Any] = {"id": entity_id, "type": self._type}
        for name, template in self._attributes.items():
            try:
                attribute = template.attribute(scope)
            except SkipRecord as error:
                raise SkipRecord(f"{self._place}.attributes.{name}: {error.detail}") from error
            if attribute is not None:
                entity[name] = attribute
        return entity


class _AttributeTemplate:
    def __init__(self, spec: AttributeSpec, where: str) -> None:
        self._spec = spec
        self._value = compiled_if_given(spec.value or spec.geometry, f"{where}.value")
        self._point = [compiled(one, f"{where}.point") for one in spec.point or []]
        self._text = _Template(spec.text or spec.object or "", where)
        self._languages = {
            one: compiled(text, f"{where}.languages.{one}")
            for one, text in (spec.languages or {}).items()
        }
        self._observed_at = compiled_if_given(spec.observedAt, f"{where}.observedAt")
        self._inner = {
            name: _AttributeTemplate(one, f"{where}.attributes.{name}")
            for name, one in spec.attributes.items()
        }

    def attribute(self, scope: Scope) -> dict[str, Any] | None:
        """Return the attribute in normalized form, `None` where the record has no value for it."""
        found = self._kind_and_value(scope)
        if found is None:
            return None
        attribute = dict(found)
        if self._spec.unitCode is not None:
            attribute["unitCode"] = self._spec.unitCode
        if self._observed_at is not None:
            observed = search(self._observed_at, scope)
            if observed is not None:
                attribute["observedAt"] = observed
        for name, inner in self._inner.items():
            below = inner.attribute(scope)
            if below is not None:
                attribute[name] = below
        return attribute

    def _kind_and_value(self, scope: Scope) -> Mapping[str, Any] | None:
        spec = self._spec
        if spec.constant is not None:
            return {"type": "Property", "value": spec.constant}
        if spec.object is not None:
            return _member("Relationship", "object", self._text.fill_if_known(scope))
        if spec.text is not None:
            return _member("Property", "value", self._text.fill_if_known(scope))
        if spec.point is not None:
            return _member("GeoProperty", "value", self._point_value(scope))
        if spec.languages is not None:
            texts = {one: search(e, scope) for one, e in self._languages.items()}
            known = {one: text for one, text in texts.items() if text}
            return _member("LanguageProperty", "languageMap", known or None)
        kind = "GeoProperty" if spec.geometry is not None else "Property"
        return _member(kind, "value", search(self._value, scope) if self._value else None)

    def _point_value(self, scope: Scope) -> dict[str, Any] | None:
        position = [search(one, scope) for one in self._point]
        if None in position:
            return None
        for one in position:
            if isinstance(one, bool) or not isinstance(one, int | float):
                raise SkipRecord(f"{one!r:.40} is no coordinate; number(…) reads texts")
        return {"type": "Point", "coordinates": position}


def _member(kind: str, member: str, value: Any) -> Mapping[str, Any] | None:
    return None if value is None else {"type": kind, member: value}


class _Template:
    """Text with `{expressions}`, or with `{names}` of expressions that are given apart."""

    def __init__(self, text: str, where: str, named: Mapping[str, str] | None = None) -> None:
        self._text = text
        self._where = where
        self._named = named or {}
        self._places = {
            place: compiled(self._named.get(place, place), where) for place in PLACE.findall(text)
        }

    def retold(self, text: str) -> _Template:
        """Return a template for another text with the same named expressions."""
        return _Template(text, self._where, self._named)

    def fill(self, scope: Scope, what: str) -> str:
        """Return the text; raises `SkipRecord` when a value is missing."""
        for place, expression in self._places.items():
            if _usable(search(expression, scope)) is None:
                raise SkipRecord(f"{what} needs a value for {{{place}}}, and there is none")
        return PLACE.sub(lambda found: self._filled(found[1], scope), self._text)

    def fill_if_known(self, scope: Scope) -> str | None:
        """Return the text, `None` when a value is missing."""
        try:
            return self.fill(scope, "the text")
        except SkipRecord:
            return None

    def _filled(self, place: str, scope: Scope) -> str:
        text = str(_usable(search(self._places[place], scope)))
        return quote(text, safe=":-._~") if URI.match(self._text) else text


def _usable(value: Any) -> str | int | float | None:
    if isinstance(value, bool) or value == "":
        return None
    return value if isinstance(value, str | int | float) else None
