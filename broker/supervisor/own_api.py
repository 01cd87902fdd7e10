"""How the supervisor asks the API of its own node: never through a proxy of the environment."""

from __future__ import annotations

from http.client import HTTPResponse
from typing import Final, cast
from urllib.request import OpenerDirector, ProxyHandler, build_opener

_DIRECTLY: Final[OpenerDirector] = build_opener(ProxyHandler({}))


def ask(url: str, *, timeout: float) -> HTTPResponse:
    """Return the answer to a GET; `timeout` is in seconds.

    Raises OSError (for statuses of 400 and more, too) and HTTPException.
    """
    return cast("HTTPResponse", _DIRECTLY.open(url, timeout=timeout))
