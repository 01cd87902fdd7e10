"""Settings from the environment and a file: the environment wins over the file.

Every mistake is found at once; a name that does not exist is answered with the nearest one.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from broker.config.field import ENVIRONMENT_PREFIX, Declared, as_text, declared_in, masked
from broker.config.settings import Settings

EXIT_CONFIGURATION = 78
"""Exit code of a process that cannot work with its configuration: another start will not help."""

CONFIG_VARIABLE = "MUTSURA_CONFIG"
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
    for key, value in _flatten(_parse(path, problems), {one.group for one in declared.values()}):
        if key not in declared:
            problems.append(_unknown(f"setting {key} in {path}", key, declared))
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
    except (ValueError, yaml.YAMLError) as error:
        problems.append(f"the settings file {path} is not valid: {error}")
    else:
        if isinstance(parsed, dict):
            return parsed
        if parsed is not None:
            problems.append(f"the settings file {path} must hold groups of settings")
    return {}


def _flatten(parsed: dict[str, Any], groups: set[str]) -> Iterator[tuple[str, Any]]:
    for name, value in parsed.items():
        if name in groups and isinstance(value, dict):
            for member, given in value.items():
                yield f"{name}.{member}", given
        else:
            yield str(name), value


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
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
    url = settings.mqtt.url
    if url is not None and not url.startswith(("mqtt://", "mqtts://")):
        yield f"mqtt.url must begin with mqtt:// or mqtts://, found {masked(url)!r}"
    public = settings.server.public_url
    if public is not None and not public.startswith(("http://", "https://")):
        yield f"server.public_url must begin with http:// or https://, found {public!r}"
