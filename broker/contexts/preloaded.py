"""@contexts that are there from the start, so that nothing has to be fetched for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import orjson

from broker.config import ConfigurationError
from broker.contexts.parsing import context_text
from broker.model.errors import BadRequestData

MAP_FILE: Final = "index.json"


def load_preloaded(
    sources: Mapping[str, Path] | None = None, directory: Path | None = None
) -> dict[str, str]:
    """Return URL → content of the @contexts the product ships, a directory and single files hold.

    A directory has a file `index.json`, an object from URL to file name relative to it.
    `content` is the JSON text of an object with the member `@context`. What is named later wins.
    Raises ConfigurationError. Reads files: to be called once, before requests are served.
    """
    shipped = Path(str(files("schemas"))) / "models"
    found: dict[str, str] = {}
    for folder in (shipped, directory):
        if folder is not None and (folder is directory or (folder / MAP_FILE).exists()):
            found.update(_mapped(folder))
    for url, path in (sources or {}).items():
        found[url] = _content(url, path)
    return found


def _mapped(folder: Path) -> Iterator[tuple[str, str]]:
    map_file = folder / MAP_FILE
    try:
        mapping = orjson.loads(map_file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise _wrong(
            f"{map_file} cannot be read: {reason}. It has to be a JSON object from the URL of each"
            " @context to the name of its file in the same directory."
        ) from error
    if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
        raise _wrong(f"{map_file} has to be a JSON object from URL to file name.")
    for url, name in mapping.items():
        yield url, _content(url, folder / name)


def _content(url: str, path: Path) -> str:
    if not url.startswith(("http://", "https://")):
        raise _wrong(f"'{url}' is to be preloaded from {path}, but is not an http(s) URL.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror}"
        raise _wrong(f"The @context {url} cannot be preloaded: {reason}.") from error
    try:
        return context_text(raw, name=str(path))
    except BadRequestData as error:
        raise _wrong(error.detail) from error


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError([problem])
