"""Links to the pages beside this one, and the size of the whole result (5.5.9, 6.3.10, 6.3.13).

Links carry a cursor: the place in the order where this page ended (or began), so that the next one
starts there whatever was added or removed in between, and costs what the first one cost. A client
that asks by `offset` gets links that count on by offset (5.5.9.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from multidict import CIMultiDict
from yarl import URL

from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES, JSON_LD
from broker.operations.consumption import QueryResult
from broker.query.entity_query import Page

RESULTS_COUNT = "NGSILD-Results-Count"
_ANYTHING = "*/*"


def page_headers(
    incoming: Incoming, page: Page, result: QueryResult, media_type: str
) -> CIMultiDict[str]:
    """Return the headers of one page of a result that is written as `media_type`."""
    headers: CIMultiDict[str] = CIMultiDict()
    if result.count is not None:
        headers[RESULTS_COUNT] = str(result.count)
    asked = incoming.request.rel_url
    for relation, target in _neighbours(incoming, page, result):
        query = {**asked.query, "limit": str(page.limit), **target}
        url = asked.with_path(asked.path.rstrip("/")).with_query(sorted(query.items()))
        headers.add("Link", _link(url, relation, media_type))
    return headers


def _neighbours(
    incoming: Incoming, page: Page, result: QueryResult
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the relations of the pages beside this one, with the parameters that lead there."""
    if page.limit == 0:
        return
    if result.offset is not None:
        yield from _neighbours_in_map(page.limit, result, result.offset)
        return
    if "offset" in incoming.parameters and page.cursor is None:
        if page.offset > 0:
            yield "prev", {"offset": str(max(page.offset - page.limit, 0))}
        if result.next_cursor is not None:
            yield "next", {"offset": str(page.offset + page.limit)}
        return
    if result.previous_cursor is not None:
        yield "prev", {"cursor": result.previous_cursor}
    if result.next_cursor is not None:
        yield "next", {"cursor": result.next_cursor}


def _neighbours_in_map(
    limit: int, result: QueryResult, offset: int
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the pages of an entity map: found by the cursor; the offset is for who counts."""
    if result.previous_cursor is not None:
        before = str(max(offset - limit, 0))
        yield "prev", {"offset": before, "cursor": result.previous_cursor}
    if result.next_cursor is not None:
        after = str(offset + len(result.entities))
        yield "next", {"offset": after, "cursor": result.next_cursor}


def offset_page_headers(
    incoming: Incoming, page: Page, *, has_more: bool, count: int | None
) -> CIMultiDict[str]:
    """Return the headers of a page that is found by its offset alone (6.3.10).

    Their links name the media type that was asked for. Who takes anything is told
    `application/ld+json`, as the conformance suite has it.
    """
    takes_anything = incoming.request.headers.get("Accept", _ANYTHING) == _ANYTHING
    media_type = JSON_LD if takes_anything else incoming.accepted(DOCUMENT_TYPES)
    headers: CIMultiDict[str] = CIMultiDict()
    if count is not None:
        headers[RESULTS_COUNT] = str(count)
    asked = incoming.request.rel_url
    url = asked.with_path(asked.path.rstrip("/"), keep_query=True)
    if has_more:
        after = {"limit": page.limit, "offset": page.offset + page.limit}
        headers.add("Link", _link(url.update_query(after), "next", media_type))
    if page.offset > 0 and page.limit > 0:
        before = {"limit": page.limit, "offset": max(page.offset - page.limit, 0)}
        headers.add("Link", _link(url.update_query(before), "prev", media_type))
    return headers


def _link(url: URL, relation: str, media_type: str) -> str:
    return f'<{url}>; rel="{relation}"; type="{media_type}"'
