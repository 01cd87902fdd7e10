"""What surrounds every handler: errors become problem details, the tenant is echoed."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from broker.api.responses import API_ROOT, problem
from broker.model.errors import (
    BadRequestData,
    BodyTooLarge,
    InternalError,
    MethodNotAllowed,
    NgsiLdError,
    ResourceNotFound,
)

log = logging.getLogger(__name__)

TENANT = "NGSILD-Tenant"


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error that leaves a handler into an answer (clause 6.3.3)."""
    try:
        response = await handler(request)
    except NgsiLdError as error:
        if isinstance(error, InternalError):
            log.exception("request failed", extra=_about(request))
        response = problem(error)
    except web.HTTPMethodNotAllowed as error:
        response = _method_not_allowed(request, tuple(sorted(error.allowed_methods)))
    except web.HTTPNotFound:
        response = problem(_nothing_at(request.path))
    except web.HTTPRequestEntityTooLarge:
        response = problem(BodyTooLarge("the body is larger than this broker allows"))
    except web.HTTPException:
        raise
    except Exception:
        log.exception("request failed", extra=_about(request))
        response = problem(InternalError("the request failed; the log of the broker says why"))
    tenant = request.headers.get(TENANT)
    if tenant is not None and not response.prepared:
        response.headers[TENANT] = tenant
    return response


def _method_not_allowed(request: web.Request, allowed: tuple[str, ...]) -> web.Response:
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": ", ".join((*allowed, "OPTIONS"))})
    return problem(
        MethodNotAllowed(
            f"{request.method} is not possible here; possible: {', '.join(allowed)}",
            allowed=allowed,
        )
    )


def _nothing_at(path: str) -> NgsiLdError:
    if path.startswith(API_ROOT) and "//" in path:
        return BadRequestData(f"an identifier is missing in the path {path[:300]}")
    return ResourceNotFound(f"there is no resource at {path[:300]}")


def _about(request: web.Request) -> dict[str, str]:
    return {"method": request.method, "path": request.path}
