"""The one file that configures the adapters of an installation, in YAML or TOML::

    broker:
      url: http://127.0.0.1:1026      # where entities go
      tenant: yaizu                   # optional, as are context and token_file
    data: data/adapters               # checkpoints and dead letters
    adapters:
      - adapter: rest                 # which one: see `mutsura adapters list`
        name: amedas                  # its name here; the default is the adapter's
        settings: {...}               # what the adapter takes: see its README

`${NAME}` in a value is replaced by the environment variable, `${NAME:-text}` has a default; that
is how secrets stay out of the file. Relative paths are relative to the file.
"""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from adapters.runtime.broker_client import BrokerAddress
from adapters.runtime.errors import Misconfigured
from adapters.runtime.manifest import Manifest, find
from adapters.runtime.schemas import MODELS_CONTEXT
from adapters.runtime.settings import Seconds, parse_settings, setting

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Where the entities of all adapters go."""

    url: str = setting("http://127.0.0.1:1026", help="base URL of the NGSI-LD broker")
    tenant: str | None = setting(None, help="tenant the entities belong to")
    context: str | None = setting(
        MODELS_CONTEXT, help="URL of the @context of attribute and type names; null: the core's"
    )
    token_file: Path | None = setting(None, help="file with a bearer token for the broker")
    timeout: Seconds = setting(60.0, help="time one request to the broker may take")

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url must begin with http:// or https://, found {self.url!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where the state of the adapters can be read over HTTP."""

    host: str = setting("127.0.0.1", help="address to listen on")
    port: int = setting(help="port to listen on")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSettings:
    """One adapter of the list."""

    adapter: str = setting(help="name of the adapter, as `mutsura adapters list` shows it")
    name: str | None = setting(None, help="its name in this installation; unique")
    enabled: bool = setting(True, help="false keeps it configured but not running")
    tenant: str | None = setting(None, help="tenant of its entities, if not the broker's above")
    context: str | None = setting(None, help="@context of its names, if not the broker's above")
    private_addresses: bool = setting(
        False, help="whether it may call addresses of the private network"
    )
    settings: Any = setting(None, help="the adapter's own settings")

    @property
    def key(self) -> str:
        """The name it goes by."""
        return self.name or self.adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """The whole file."""

    broker: BrokerSettings = setting(BrokerSettings(), help="where entities go")
    data: Path = setting(Path("data/adapters"), help="folder of checkpoints and dead letters")
    health: ListenSettings | None = setting(None, help="serve /health of the adapters")
    schemas: list[Path] = setting([], help="further folders with <Type>/schema.json")
    strict_names: bool = setting(False, help="refuse attributes the schema does not know")
    adapters: list[AdapterSettings] = setting([], help="the adapters to run")


@dataclass(frozen=True, slots=True)
class ConfiguredAdapter:
    """One adapter with its manifest, its typed settings and the address of its entities."""

    name: str
    manifest: Manifest
    settings: Any
    broker: BrokerAddress
    private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything the host needs."""

    broker: BrokerAddress
    data: Path
    adapters: tuple[ConfiguredAdapter, ...]
    health: ListenSettings | None = None
    schemas: tuple[Path, ...] = ()
    strict_names: bool = False


def read_configuration(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    broker_url: str | None = None,
    data: Path | None = None,
    look_further: bool = False,
) -> Configuration:
    """Read and check the file; `broker_url` and `data` win over what it says.

    With `look_further` the adapters also check what their settings refer to. Raises
    `Misconfigured` with every fault found, one a line.
    """
    values = os.environ if environment is None else environment
    faults: list[str] = []
    read = read_file(path)
    given = _with_environment(read, values, path.name, faults)
    file = _file_settings(given, path, faults)
    if not faults and "adapters" not in (given or {}):
        # a file that is being saved is empty for a moment; that is no wish to run nothing
        faults.append(f"{path.name}: `adapters` is missing: the list of those to run, [] for none")
    entries = _entries(given, path)
    broker = _address(file.broker, broker_url)
    if look_further:
        faults += _unreadable(file, path)
    adapters = _adapters(entries, broker, path, faults, look_further=look_further)
    if faults:
        raise Misconfigured("\n".join(dict.fromkeys(faults)))
    return Configuration(
        broker=broker,
        data=data or file.data,
        adapters=adapters,
        health=file.health,
        schemas=tuple(file.schemas),
        strict_names=file.strict_names,
    )


def _file_settings(given: Any, path: Path, faults: list[str]) -> FileSettings:
    """Return the settings of the file, the defaults where it is wrong."""
    try:
        return parse_settings(FileSettings, given, where=path.name, base=path.absolute().parent)
    except Misconfigured as error:
        unset = {one.partition(": ")[0] for one in faults}
        faults += [one for one in error.detail.splitlines() if one.partition(": ")[0] not in unset]
        return FileSettings()


def _entries(given: Any, path: Path) -> list[tuple[str, AdapterSettings]]:
    """Return the entries of the list of adapters that can be read, with their places.

    The others were told of with the faults of the file.
    """
    listed = given.get("adapters") if isinstance(given, Mapping) else None
    found: list[tuple[str, AdapterSettings]] = []
    for at, one in enumerate(listed if isinstance(listed, list) else []):
        where = f"{path.name}.adapters[{at}]"
        with contextlib.suppress(Misconfigured):
            found.append((where, parse_settings(AdapterSettings, one, where=where)))
    return found


def _unreadable(file: FileSettings, path: Path) -> list[str]:
    token = file.broker.token_file
    faults = [] if token is None or token.is_file() else [f"broker.token_file: no file {token}"]
    faults += [f"schemas: no folder {one}" for one in file.schemas if not one.is_dir()]
    return [f"{path.name}.{one}" for one in faults]


def _address(settings: BrokerSettings, url: str | None) -> BrokerAddress:
    return BrokerAddress(
        url or settings.url,
        settings.tenant,
        settings.context,
        settings.token_file,
        settings.timeout,
    )


def _adapters(
    entries: list[tuple[str, AdapterSettings]],
    broker: BrokerAddress,
    path: Path,
    faults: list[str],
    *,
    look_further: bool,
) -> tuple[ConfiguredAdapter, ...]:
    found: dict[str, ConfiguredAdapter] = {}
    names: set[str] = set()
    for where, one in entries:
        if one.key in names:
            faults.append(f"{where}: the name {one.key!r} is used twice; give it another `name`")
        names.add(one.key)
        if not one.enabled:
            continue
        try:
            found[one.key] = _adapter(one, broker, where, path)
            if look_further:
                found[one.key].manifest.check(found[one.key].settings)
        except Misconfigured as error:
            faults += [
                line if where in line else f"{where}: {line}" for line in error.detail.splitlines()
            ]
    return tuple(found.values())


def _adapter(
    one: AdapterSettings, broker: BrokerAddress, where: str, path: Path
) -> ConfiguredAdapter:
    manifest = find(one.adapter)
    settings: Any = parse_settings(
        manifest.settings_class(),
        one.settings,
        where=f"{where}.settings",
        base=path.absolute().parent,
    )
    manifest.entry_point()
    address = replace(
        broker, tenant=one.tenant or broker.tenant, context=one.context or broker.context
    )
    return ConfiguredAdapter(one.key, manifest, settings, address, one.private_addresses)


def read_file(path: Path) -> Any:
    """Return what a YAML or TOML file holds; raises `Misconfigured` with line and reason."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path} is not text in UTF-8") from error
    try:
        return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise Misconfigured(f"{path}: {error.problem}{place}") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise Misconfigured(f"{path}: {error}") from error


def _with_environment(
    value: Any, environment: Mapping[str, str], where: str, faults: list[str]
) -> Any:
    """Replace `${NAME}` in every text; a variable that is not set is a fault and stays."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda one: _variable(one, environment, where, faults), value)
    if isinstance(value, dict):
        return {
            name: _with_environment(one, environment, f"{where}.{name}", faults)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [
            _with_environment(one, environment, f"{where}[{at}]", faults)
            for at, one in enumerate(value)
        ]
    return value


def _variable(
    found: re.Match[str], environment: Mapping[str, str], where: str, faults: list[str]
) -> str:
    name, default = found[1], found[2]
    value = environment.get(name, default)
    if value is None:
        faults.append(f"{where}: the environment variable {name} is not set")
        return found[0]
    return value
