"""An adapter's manifest: what it is, which settings it takes, where it starts, how good it is.

`manifest.toml` lies in the adapter's package::

    name = "rest"                                  # as in `adapter:` of the configuration
    version = "0.1.0"
    title = "Partner JSON APIs"
    summary = "Polls a JSON API and maps its records to entities."
    kind = "poll"                                  # stream | poll | import
    settings = "adapters.rest.settings:Settings"   # a frozen dataclass
    entry = "adapters.rest.source:run"             # async def run(context) -> None

    [quality]                                      # every rule of adapters.runtime.quality
    acknowledges-after-commit = "done"
    idempotent = { exempt = "why the rule does not apply" }

An adapter is found by its folder below `adapters/` or, a third party's, by an entry point of the
group `mutsura.adapters` whose value is the package that holds the manifest.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any, Literal

from adapters.runtime.errors import Misconfigured
from adapters.runtime.quality import Assessment, assess
from adapters.runtime.settings import nearest, parse_settings

ENTRY_POINTS = "mutsura.adapters"
BUILT_IN = "adapters"
FILE = "manifest.toml"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of one adapter, and the package it was found in."""

    name: str
    version: str
    title: str
    summary: str
    kind: Literal["stream", "poll", "import"]
    settings: str
    entry: str
    quality: Mapping[str, Any]
    package: str = ""

    def settings_class(self) -> type:
        """Return the settings class; raises `Misconfigured` when there is none."""
        found = self._named(self.settings, "settings")
        if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
            raise Misconfigured(f"adapter {self.name}: {self.settings} is not a dataclass")
        return found

    def entry_point(self) -> Any:
        """Return the coroutine function that runs the adapter. Raises `Misconfigured`."""
        found = self._named(self.entry, "entry")
        if not inspect.iscoroutinefunction(found):
            raise Misconfigured(f"adapter {self.name}: {self.entry} is not an async function")
        return found

    def check(self, settings: Any) -> None:
        """Let the adapter check what its settings refer to, if its entry module has a `check`.

        Raises `Misconfigured`.
        """
        own = self.hook("check")
        if own is not None:
            own(settings)

    def hook(self, name: str) -> Any:
        """Return the function of this name in the entry module, `None` if it has none."""
        return getattr(inspect.getmodule(self.entry_point()), name, None)

    def assessment(self) -> tuple[Assessment, ...]:
        """Return how the adapter stands to every quality rule."""
        return assess(self.quality, where=f"{self.package}/{FILE}")

    def _named(self, target: str, what: str) -> Any:
        module, separator, name = target.partition(":")
        if not separator:
            raise Misconfigured(f"adapter {self.name}: {what} {target!r} is not 'module:name'")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise Misconfigured(f"adapter {self.name}: cannot load {what}: {error}") from error


def read_manifest(package: str) -> Manifest:
    """Read the manifest in a package; raises `Misconfigured` for one that is missing or wrong."""
    try:
        file = resources.files(package) / FILE
        text = file.read_text("utf-8")
        given = tomllib.loads(text)
    except (ImportError, OSError) as error:
        raise Misconfigured(f"no {FILE} in the package {package}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{package}/{FILE}: {error}") from error
    manifest = parse_settings(Manifest, {**given, "package": package}, where=f"{package}/{FILE}")
    manifest.assessment()
    return manifest


def installed() -> dict[str, str]:
    """Return the packages of all adapters by name: the built-in ones, then third parties'."""
    found = {folder.name: f"{BUILT_IN}.{folder.name}" for folder in _built_in_folders()}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        found.setdefault(point.name, point.value)
    return found


def _built_in_folders() -> Iterator[Traversable]:
    for folder in resources.files(BUILT_IN).iterdir():
        if not folder.name.startswith("_") and (folder / FILE).is_file():
            yield folder


def find(name: str) -> Manifest:
    """Return the manifest of an installed adapter; an unknown name is `Misconfigured`."""
    packages = installed()
    if name not in packages:
        raise Misconfigured(f"no adapter is called {name!r}; {nearest(name, packages)}")
    manifest = read_manifest(packages[name])
    if manifest.name != name:
        detail = f"the adapter {name!r} is called {manifest.name!r} in its manifest"
        raise Misconfigured(f"{detail}; both must be the same")
    return manifest
