"""A request as handlers see it: tenant, parameters, @context and body, read once and checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from aiohttp import web
from multidict import MultiDict

from broker.api.application import Application
from broker.api.body import check_length, check_media_type, parse_json, read_bytes
from broker.api.context_negotiation import context_of_document, linked_context
from broker.api.media_types import media_type_of, preferred
from broker.api.parameters import Parameters
from broker.api.preferences import PREFER, preferred_version
from broker.contexts.context import Context, ContextReference
from broker.model.errors import BadRequestData, InvalidRequest
from broker.model.names import is_uri
from broker.model.spaces import MARK
from broker.operations.caller import Caller

TENANT_HEADER = "NGSILD-Tenant"
SNAPSHOT_HEADER = "NGSILD-Snapshot"


_NOBODY = Caller()
_NO_PARAMETERS = Parameters(MultiDict(), ())


class Incoming:
    """One request. `body` is the parsed JSON (None for GET and DELETE), `raw` its text.

    `version` is the one of the standard that the answer shall conform to, None: the present one.
    """

    __slots__ = (
        "app", "body", "caller", "link", "media_type", "parameters", "parts", "raw", "request",
        "version",
    )  # fmt: skip

    def __init__(
        self,
        app: Application,
        request: web.BaseRequest,
        parameters: Collection[str],
        parts: Mapping[str, str],
    ) -> None:
        self.app = app
        self.request = request
        self.parts = parts
        headers = request.headers
        self.caller = (
            _caller(tuple(headers.getall(TENANT_HEADER))) if TENANT_HEADER in headers else _NOBODY
        )
        self.parameters = _NO_PARAMETERS
        if request.rel_url.raw_query_string:
            self.parameters = Parameters(request.query, parameters)
            self.parameters.flag("local")  # whatever it is, this broker is all that is asked
        self.link = linked_context(tuple(headers.getall("Link"))) if "Link" in headers else None
        self.version = preferred_version(headers.getall(PREFER)) if PREFER in headers else None
        self.media_type = media_type_of(headers.get("Content-Type"))
        self.raw = b""
        self.body: Any = None

    async def enter_snapshot(self) -> None:
        """Let the request be about the snapshot its header names (6.3.22).

        Raises BadRequestData, ResourceNotFound, OperationNotSupported.
        """
        values = self.request.headers.getall(SNAPSHOT_HEADER)
        snapshot_id = values[0].strip()
        if len(values) > 1 or not is_uri(snapshot_id):
            raise BadRequestData(
                f"the header {SNAPSHOT_HEADER} is the identifier of one snapshot, a URI"
            )
        self.caller = await self.app.snapshots.enter(self.caller, snapshot_id)

    @property
    def is_in_snapshot(self) -> bool:
        """Whether the request is about a snapshot, and so about this broker only (5.5.15)."""
        return self.caller.snapshot is not None

    async def read_body(self) -> None:
        """Read and parse the body (limits and errors: `broker.api.body`)."""
        settings = self.app.settings
        check_length(self.request)
        check_media_type(self.media_type, self.request.method)
        self.raw = await read_bytes(self.request, largest=settings.largest_body)
        self.body = parse_json(self.raw, deepest=settings.deepest_body)

    async def context(self) -> Context:
        """Return the @context of the body if the request has one, else of the Link header."""
        reference = self.link if self.body is None else self.reference_of(self.body)
        return await self.resolve(reference)

    def reference_of(self, document: Any, pointer: str = "") -> ContextReference:
        """Return what the body, or one element of it (`pointer` says which), has as its @context.

        What it has none of its own, the Link header gives.
        """
        return context_of_document(
            document, media_type=self.media_type, link=self.link, pointer=pointer
        )

    async def resolve(self, reference: ContextReference) -> Context:
        """Return the @context of a reference."""
        return await self.app.contexts.resolve(reference, tenant=self.caller.tenant)

    async def url_of(self, context: Context) -> str:
        """Return the URL a Link header gives for an @context; one without gets one (5.13.1)."""
        if context.url is not None and not context.url.startswith("/"):
            return context.url
        operations = self.app.context_operations
        return await operations.address_of(self.caller, context, self.base_url)

    @property
    def base_url(self) -> str:
        """The address under which others reach this broker, without a path."""
        public = self.app.settings.public_url
        return (public or f"{self.request.scheme}://{self.request.host}").rstrip("/")

    def accepted(self, offered: tuple[str, ...]) -> str:
        """Return the media type of the response (raises NotAcceptable)."""
        return preferred(self.request.headers.get("Accept"), offered)

    def part(self, name: str) -> str:
        """Return a variable part of the path, decoded."""
        return self.parts[name]


@lru_cache(maxsize=256)
def _caller(tenants: tuple[str, ...]) -> Caller:
    if len(tenants) > 1:
        raise InvalidRequest(f"the header {TENANT_HEADER} is given more than once")
    tenant = tenants[0].strip()
    if MARK in tenant:
        raise BadRequestData(f"the name of a tenant has no '{MARK}' in it")
    return Caller(tenant=tenant)
