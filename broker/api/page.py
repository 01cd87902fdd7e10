"""The list of operations for people: docs/api.md, from the table of routes."""

from __future__ import annotations

import inspect

from broker.api.responses import API_ROOT
from broker.api.routes import ROUTES, Route

_INTRODUCTION = f"""\
# The API

Written by `make docs` from `broker/api/routes.py`. Paths stand under `{API_ROOT}`; the clause of
[ETSI GS CIM 009](https://www.etsi.org/deliver/etsi_gs/CIM/001_099/009/) V1.9.1 describes the
operation. Header `NGSILD-Tenant` names the tenant,
`NGSILD-Snapshot` a [snapshot](snapshots.md). Every error is a problem detail (clause 6.3.2)
that says what is wrong, where, and what would be right.

A request marked ° takes the header `Idempotency-Key` (1 to 255 visible ASCII characters, such as a
UUID). Sent again within 24 hours it is applied once and answered the same, also when the broker
was killed before it could answer; the same key with another request is refused (422).

| request | operation | clause | parameters |
|---|---|---|---|
"""

_NODE = """
Beside the API stand `/health` (the process lives), `/ready` (requests can be served), `/metrics`
([Prometheus](metrics.md)), `/version`, and `/openapi.json`: all of this page for programs, with the
shapes of bodies, every status, and examples that can be sent (OpenAPI 3.1).
"""


def api_page() -> str:
    """Return the page in Markdown."""
    rows = [_row(route) for route in ROUTES]
    return _INTRODUCTION + "\n".join(rows) + "\n" + _NODE


def _row(route: Route) -> str:
    first_line = (inspect.getdoc(route.handler) or "").splitlines()[0]
    parameters = ", ".join(f"`{name}`" for name in sorted(route.parameters))
    mark = "°" if route.repeatable else ""
    return f"| `{route.method} {route.path}`{mark} | {first_line} | {route.clause} | {parameters} |"
