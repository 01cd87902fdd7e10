"""The JSON Schemas of entity types: `schemas/models/<Type>/schema.json`, in simplified form.

A schema may refer to `common.json` beside the type folders; nothing is ever fetched. An
installation adds its own types with further folders of the same layout; they win over ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import orjson

from adapters.runtime.errors import Misconfigured

SCHEMA = "schema.json"
COMMON = "common.json"
MODELS_CONTEXT = "https://uri.mutsura.dev/context.jsonld"
"""The @context of all types in `schemas/models`; our broker knows it without fetching it."""


class Schemas:
    """The schemas of all known types, read when this is made (in a thread: it reads files).

    Raises `Misconfigured` for a folder that is not there and a file that is not JSON.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise Misconfigured(f"schemas: there is no folder {folder}")
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._shared: Mapping[str, Any] = {}
        ours = resources.files("schemas") / "models"
        self._read(ours)
        shipped = dict(self._schemas)
        for place in reversed(folders):
            self._read(place)
        self._shipped = {name for name, one in shipped.items() if self._schemas[name] is one}

    def _read(self, folder: Traversable) -> None:
        if (folder / COMMON).is_file():
            self._shared = _read_json(folder / COMMON)
        for entry in folder.iterdir():
            if (entry / SCHEMA).is_file():
                self._schemas[entry.name] = _read_json(entry / SCHEMA)

    def types(self) -> list[str]:
        """Return the names of all types that have a schema."""
        return sorted(self._schemas)

    def schema(self, entity_type: str) -> Mapping[str, Any] | None:
        """Return the schema of a type, `None` if it has none."""
        return self._schemas.get(entity_type)

    def is_shipped(self, entity_type: str) -> bool:
        """Tell whether a type's schema is our own, which our tests have found valid."""
        return entity_type in self._shipped

    @property
    def documents(self) -> Mapping[str, Mapping[str, Any]]:
        """What schemas may refer to, by name."""
        return {COMMON: self._shared}

    def definition(self, reference: str) -> Any:
        """Return what `common.json#/…` names; `LookupError` for any other kind of reference."""
        document, _, pointer = reference.partition("#")
        first, *keys = pointer.split("/")
        if document != COMMON or first or "~" in pointer or "%" in pointer:
            raise LookupError(reference)
        found: Any = self._shared
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            raise LookupError(reference)
        return found


def _read_json(file: Traversable) -> Mapping[str, Any]:
    try:
        found = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Misconfigured(f"{file} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Misconfigured(f"{file} is not a JSON object")
    return found
