"""Settings from the environment and a file: the environment wins over the file.

Every mistake is found at once; a name that does not exist is answered with the nearest one.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from broker.config.field import ENVIRONMENT_PREFIX, Declared, as_text, declared_in, masked
from broker.config.settings import Settings

EXIT_CONFIGURATION = 78
"""Exit code of a process that cannot work with its configuration: another start will not help."""

CONFIG_VARIABLE = "MUTSURA_CONFIG"
_ALIAS = re.compile(r"[A-Za-z0-9-]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@A-Z]+")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,30}")
_OTHERS_PREFIXES = ("MUTSURA_TEST_", "MUTSURA_ADAPTER_")


class ConfigurationError(Exception):
    """Settings cannot be used. `problems` are sentences, one a mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def load_settings(
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Return the effective settings.

    `file` (else the one `MUTSURA_CONFIG` names) is TOML or YAML, a table a group; `overrides` are
    texts by key (`server.port`) and win over everything. Paths in a file are relative to it.
    Variables `MUTSURA_TEST_…` and `MUTSURA_ADAPTER_…` belong to others.

    Raises:
        ConfigurationError: with every mistake in the file and the environment.
    """
    declared = {one.key: one for one in declared_in(Settings)}
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources = [
        _from_file(file or _named_file(environment), declared, problems),
        _from_environment(environment, declared, problems),
        dict(overrides or {}),
    ]
    for source in sources:
        for key, given in source.items():
            try:
                values[key] = declared[key].read(given)
            except ValueError as error:
                problems.append(str(error))
    settings = _build(values)
    problems += _contradictions(settings)
    if problems:
        raise ConfigurationError(problems)
    return settings


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the environment from which a child process loads exactly these settings."""
    return {one.variable: as_text(value) for one, value in effective(settings)}


def is_setting_variable(name: str) -> bool:
    """Return whether a variable of the environment is meant for these settings."""
    return name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(_OTHERS_PREFIXES)


def effective(settings: Settings) -> Iterator[tuple[Declared, Any]]:
    """Yield every setting with its value."""
    for one in declared_in(Settings):
        group = getattr(settings, one.group) if one.group else settings
        yield one, getattr(group, one.name)


def shown(one: Declared, value: Any) -> str:
    """Return a value as it may be shown: without the passwords in it."""
    text = as_text(value)
    return masked(text) if one.doc.secret else text


def _named_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(CONFIG_VARIABLE)
    return Path(named) if named else None


def _from_environment(
    environment: Mapping[str, str], declared: Mapping[str, Declared], problems: list[str]
) -> dict[str, Any]:
    by_variable = {one.variable: one.key for one in declared.values()}
    given: dict[str, Any] = {}
    for variable, text in environment.items():
        if not is_setting_variable(variable) or variable == CONFIG_VARIABLE:
            continue
        if variable in by_variable:
            given[by_variable[variable]] = text
        else:
            problems.append(_unknown(f"environment variable {variable}", variable, by_variable))
    return given


def _from_file(
    path: Path | None, declared: Mapping[str, Declared], problems: list[str]
) -> dict[str, Any]:
    if path is None:
        return {}
    given: dict[str, Any] = {}
    groups = {one.group for one in declared.values() if one.group}
    for key, value in _flatten(_parse(path, problems), groups):
        if key in groups:
            problems.append(f"{key} in {path} must be a group of settings, found {value!r}")
        elif key not in declared:
            problems.append(_unknown(f"setting {key} in {path}", key, {*declared, *groups}))
        elif declared[key].type is Path and isinstance(value, str):
            given[key] = str(path.absolute().parent / Path(value).expanduser())
        else:
            given[key] = value
    return given


def _parse(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        parsed = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        problems.append(f"the settings file {path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        problems.append(f"the settings file {path} is not text in UTF-8")
    except yaml.MarkedYAMLError as error:
        problems.append(f"the settings file {path} is not valid: {_in_one_line(error)}")
    except (ValueError, yaml.YAMLError) as error:
        problems.append(f"the settings file {path} is not valid: {error}")
    else:
        if isinstance(parsed, dict):
            return parsed
        if parsed is not None:
            problems.append(f"the settings file {path} must hold groups of settings")
    return {}


def _in_one_line(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    place = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{error.problem}{place}"


def _flatten(parsed: dict[str, Any], groups: set[str]) -> Iterator[tuple[str, Any]]:
    for name, value in parsed.items():
        if name in groups and (value is None or isinstance(value, dict)):
            for member, given in (value or {}).items():
                yield f"{name}.{member}", given
        else:
            yield str(name), value


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"; the nearest is {nearest[0]}" if nearest else ""
    return f"there is no {what}{hint}. `mutsura settings` lists all"


def _build(values: Mapping[str, Any]) -> Settings:
    top: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        group, _, name = key.rpartition(".")
        (groups.setdefault(group, {}) if group else top)[name] = value
    kinds = Settings.__dataclass_fields__
    for group, members in groups.items():
        top[group] = kinds[group].default_factory(**members)  # type: ignore[operator]
    return Settings(**top)


def _contradictions(settings: Settings) -> Iterator[str]:
    limits = settings.limits
    if limits.page_size > limits.page_size_max:
        yield (
            f"limits.page_size ({limits.page_size}) must not be larger than "
            f"limits.page_size_max ({limits.page_size_max})"
        )
    uri = settings.mongodb.uri
    if uri is not None and not uri.startswith(("mongodb://", "mongodb+srv://")):
        yield "mongodb.uri must begin with mongodb:// or mongodb+srv://"
    yield from _faults_of_address("mqtt.url", settings.mqtt.url, ("mqtt", "mqtts"))
    web = ("http", "https")
    yield from _faults_of_address("server.public_url", settings.server.public_url, web)
    yield from _faults_of_address("outbound.proxy", settings.outbound.proxy, web)
    for origin in settings.server.cors_origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            yield f"server.cors_origins must be like https://map.example or *, found {origin!r}"
    if not _ALIAS.fullmatch(settings.server.alias):
        found = settings.server.alias
        yield f"server.alias must be letters, digits and hyphens, found {found!r}"
    if not _PREFIX.fullmatch(settings.mongodb.database_prefix):
        found = settings.mongodb.database_prefix
        yield f"mongodb.database_prefix must be 1 to 30 letters, digits, - or _, found {found!r}"


def _faults_of_address(key: str, url: str | None, schemes: tuple[str, ...]) -> Iterator[str]:
    if url is None:
        return
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        beginnings = " or ".join(f"{scheme}://" for scheme in schemes)
        yield f"{key} must begin with {beginnings}, found {masked(url)!r}"
    elif not _has_host_and_port(url):
        wanted = f"{schemes[0]}://HOST or {schemes[0]}://HOST:PORT"
        yield f"{key} must be like {wanted}, found {masked(url)!r}"


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # no number, or none a port can have
        return False
