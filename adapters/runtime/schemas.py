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
from referencing import Registry
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

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
        for place in (resources.files("schemas") / "models", *reversed(folders)):
            self._read(place)
        common = DRAFT202012.create_resource(self._shared)
        self._registry: Registry[Any] = Registry().with_resource(COMMON, common)

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

    @property
    def registry(self) -> Registry[Any]:
        """The registry that resolves references to the shared definitions."""
        return self._registry

    def definition(self, reference: str) -> Any:
        """Return what a reference into the shared definitions names; `LookupError` if nothing."""
        try:
            return self._registry.resolver().lookup(reference).contents
        except (Unresolvable, NoSuchResource) as error:
            raise LookupError(reference) from error


def _read_json(file: Traversable) -> Mapping[str, Any]:
    try:
        found = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Misconfigured(f"{file} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Misconfigured(f"{file} is not a JSON object")
    return found
