"""The JSON Schemas of entity types: `schemas/models/<Type>/schema.json`, in simplified form.

A schema may refer to `common.json` beside the type folders; nothing is ever fetched. An
installation adds its own types with further folders of the same layout; they win over ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import orjson
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from adapters.runtime.errors import Misconfigured

SCHEMA = "schema.json"
COMMON = "common.json"


class Schemas:
    """The schemas of all known types; each is read when it is first asked for."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        own = resources.files("schemas") / "models"
        self._folders: list[Traversable | Path] = [*folders, own]
        for folder in folders:
            if not folder.is_dir():
                raise Misconfigured(f"schemas: there is no folder {folder}")
        self._read: dict[str, Mapping[str, Any] | None] = {}

    def types(self) -> list[str]:
        """Return the names of all types that have a schema."""
        found = {
            entry.name
            for folder in self._folders
            if folder.is_dir()
            for entry in folder.iterdir()
            if (entry / SCHEMA).is_file()
        }
        return sorted(found)

    def schema(self, entity_type: str) -> Mapping[str, Any] | None:
        """Return the schema of a type, `None` if it has none.

        Raises `Misconfigured` for a file that is not JSON.
        """
        if entity_type not in self._read:
            self._read[entity_type] = self._load(entity_type)
        return self._read[entity_type]

    def _load(self, entity_type: str) -> Mapping[str, Any] | None:
        if not entity_type.replace("_", "").replace("-", "").isalnum():
            return None
        for folder in self._folders:
            file = folder / entity_type / SCHEMA
            if file.is_file():
                return _read_json(file)
        return None

    def registry(self) -> Registry[Any]:
        """Return the registry that resolves references to the shared definitions."""
        return Registry(retrieve=self._shared)  # type: ignore[call-arg]

    def _shared(self, uri: str) -> Resource[Any]:
        name = uri.rsplit("/", 1)[-1]
        for folder in self._folders:
            file = folder / name
            if name == COMMON and file.is_file():
                return DRAFT202012.create_resource(_read_json(file))
        raise NoSuchResource(uri)

    def definition(self, reference: str) -> Any:
        """Return what a reference into the shared definitions names; `LookupError` if nothing."""
        try:
            return self.registry().resolver().lookup(reference).contents
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
