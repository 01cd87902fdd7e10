"""Snapshots (clauses 6.36 to 6.38)."""

from __future__ import annotations

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES, JSON_LD
from broker.api.responses import created, ngsi_ld_response, no_content
from broker.api.snapshot_documents import present_snapshot
from broker.api.snapshot_filter import snapshot_filter
from broker.api.snapshot_reading import read_changes, read_clone, read_snapshot
from broker.model.errors import BadRequestData
from broker.model.names import is_uri
from broker.model.snapshot import Snapshot


async def create_snapshot(incoming: Incoming) -> web.Response:
    """POST /snapshots (6.36.3.1): it is filled in the background."""
    wish = read_snapshot(incoming.body, await incoming.context())
    snapshot_id = await incoming.app.snapshots.create_snapshot(incoming.caller, wish)
    return created("/snapshots", snapshot_id)


async def purge_snapshots(incoming: Incoming) -> web.Response:
    """DELETE /snapshots (6.36.3.2): delete those that fit a query."""
    fits = snapshot_filter(incoming.parameters.text("q"))
    await incoming.app.snapshots.purge_snapshots(incoming.caller, fits)
    return no_content()


async def retrieve_snapshot(incoming: Incoming) -> web.Response:
    """GET /snapshots/{snapshotId} (6.37.3.1): its status, and what became of its queries."""
    media_type = incoming.accepted(DOCUMENT_TYPES)
    found = await incoming.app.snapshots.retrieve_snapshot(incoming.caller, _snapshot_id(incoming))
    return await _answer(incoming, found, media_type)


async def update_snapshot(incoming: Incoming) -> web.Response:
    """PATCH /snapshots/{snapshotId} (6.37.3.2)."""
    snapshot_id = _snapshot_id(incoming)
    media_type = incoming.accepted(DOCUMENT_TYPES)
    await incoming.context()
    updated = await incoming.app.snapshots.update_snapshot(
        incoming.caller, snapshot_id, read_changes(incoming.body, snapshot_id)
    )
    return await _answer(incoming, updated, media_type)


async def delete_snapshot(incoming: Incoming) -> web.Response:
    """DELETE /snapshots/{snapshotId} (6.37.3.3)."""
    await incoming.app.snapshots.delete_snapshot(incoming.caller, _snapshot_id(incoming))
    return no_content()


async def clone_snapshot(incoming: Incoming) -> web.Response:
    """POST /snapshots/{snapshotId}/clone (6.38.3.1): copy it in the background."""
    snapshot_id = _snapshot_id(incoming)
    await incoming.context()
    wish = read_clone(incoming.body)
    clone_id = await incoming.app.snapshots.clone_snapshot(incoming.caller, snapshot_id, wish)
    return created("/snapshots", clone_id)


def _snapshot_id(incoming: Incoming) -> str:
    value = incoming.part("snapshotId")
    if not is_uri(value):
        raise BadRequestData(
            f"the snapshot id {value[:200]!r} is not a URI; for example urn:ngsi-ld:Snapshot:1"
        )
    return value


async def _answer(incoming: Incoming, snapshot: Snapshot, media_type: str) -> web.Response:
    context = await incoming.context()
    in_body = media_type == JSON_LD
    return ngsi_ld_response(
        present_snapshot(snapshot),
        media_type=media_type,
        context_url="" if in_body else await incoming.url_of(context),
        context_body=context.body if in_body else None,
    )
