"""The state of this node, for people and monitors: /health, /ready, /metrics, /version."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from broker import __version__
from broker.api.plain_response import PlainResponse
from broker.api.responses import json_response
from broker.observability.metrics import CONTENT_TYPE, exposition

Probe: TypeAlias = Callable[[], Awaitable[str | None]]
"""Tells what keeps a part from working, in a sentence, or None when it works."""

_PROBE_SECONDS = 2.0
SPECIFICATION = "ETSI GS CIM 009 V1.9.1"


async def health(_request: web.BaseRequest) -> web.Response:
    """Answer that the process lives; looks at nothing else."""
    return json_response({"status": "alive"})


def readiness(probes: Mapping[str, Probe]) -> Callable[[web.BaseRequest], Awaitable[web.Response]]:
    """Return the handler of /ready; `probes` are what has to work for the node, by name."""

    async def ready(_request: web.BaseRequest) -> web.Response:
        """Answer 200 when requests can be served, else 503 with what is missing."""
        problems = await asyncio.gather(*(_ask(probe) for probe in probes.values()))
        checks = {name: found or "ok" for name, found in zip(probes, problems, strict=True)}
        if any(problems):
            return json_response({"status": "not ready", "checks": checks}, status=503)
        return json_response({"status": "ready", "checks": checks})

    return ready


async def metrics(_request: web.BaseRequest) -> web.Response:
    """Answer the metrics of all processes of the node in the Prometheus text format."""
    body = await asyncio.to_thread(exposition)
    return PlainResponse(body=body, headers={"Content-Type": CONTENT_TYPE})


async def version(_request: web.BaseRequest) -> web.Response:
    """Answer which broker this is and which standard it speaks."""
    return json_response(
        {
            "name": "Mutsura",
            "version": __version__,
            "specification": SPECIFICATION,
            "python": platform.python_version(),
        }
    )


async def _ask(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await probe()
    except TimeoutError:
        return f"no answer within {_PROBE_SECONDS:.0f} s"
