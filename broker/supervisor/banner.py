"""What the supervisor tells the person who started it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from broker import __version__
from broker.config import Settings
from broker.config.field import masked

_LOOPBACK = ("127.", "::1", "localhost")


def api_url(settings: Settings) -> str:
    """Return the URL under which this machine reaches the API."""
    host = settings.server.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not bound
        host = "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{settings.server.port}"


def say_that_it_starts(settings: Settings) -> None:
    """Print that nothing is wrong so far: on a busy machine a start takes a while."""
    say(f"Mutsura {__version__} starts, with its data in {_short(settings.data_directory)} ...")


def say_what_runs(settings: Settings, *, database: str, mqtt: str | None) -> None:
    """Print where everything is."""
    url = settings.server.public_url or api_url(settings)
    count = settings.server.worker_count
    lines = [
        f"Mutsura {__version__} is ready ({count} API worker{'s' if count > 1 else ''}, 1 engine)",
        f"  API         {url}/ngsi-ld/v1",
        f"  state       {url}/health  {url}/ready  {url}/metrics  {url}/version",
        f"  database    {masked(database)}",
    ]
    if mqtt is not None:
        lines.append(f"  MQTT        {mqtt}")
    if settings.adapters.file is not None:
        lines.append(f"  connectors  {_short(settings.adapters.file)}")
    lines.append("Ctrl-C stops everything; the data stays.")
    say("\n".join(lines))


def say(text: str | None) -> None:
    """Print something, if there is something, at once; a node runs on when nobody reads it."""
    if text is not None:
        with contextlib.suppress(OSError):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


def warn_if_open(settings: Settings) -> None:
    """Say loudly when the API can be reached from the network: there is no authentication yet."""
    host = settings.server.host
    if host.startswith(_LOOPBACK):
        return
    rule = "!" * 88
    sys.stderr.write(
        f"{rule}\n"
        f"!! The API listens on {host} and is open to the network: whoever reaches port "
        f"{settings.server.port}\n"
        "!! can read, change and delete everything. There is no authentication yet. Put a\n"
        "!! reverse proxy with access control before it, or use --host 127.0.0.1.\n"
        f"{rule}\n"
    )
    sys.stderr.flush()


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
