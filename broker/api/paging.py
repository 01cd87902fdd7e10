"""Links to the pages beside this one, and the size of the whole result (5.5.9, 6.3.10, 6.3.13).

`next` carries a cursor: the place in the order where this page ended, so that the next one starts
there whatever was added or removed in between, and costs what the first one cost. `prev` counts
back by offset from where the client counted from.
"""

from __future__ import annotations

from multidict import CIMultiDict
from yarl import URL

from broker.api.incoming import Incoming
from broker.api.queries import offset_of
from broker.operations.consumption import QueryResult
from broker.query.entity_query import Page

RESULTS_COUNT = "NGSILD-Results-Count"


def page_headers(incoming: Incoming, page: Page, result: QueryResult) -> CIMultiDict[str]:
    """Return the headers of one page of a result."""
    headers: CIMultiDict[str] = CIMultiDict()
    if result.count is not None:
        headers[RESULTS_COUNT] = str(result.count)
    limit, offset = page.limit, offset_of(incoming.parameters)
    url = incoming.request.rel_url
    if result.next_cursor is not None:
        after: dict[str, str | int] = {
            "limit": limit,
            "offset": offset + limit,
            "cursor": result.next_cursor,
        }
        headers.add("Link", _link(url.update_query(after), "next"))
    if offset > 0 and limit > 0:
        before = {"limit": limit, "offset": max(offset - limit, 0)}
        url = url.without_query_params("cursor")
        headers.add("Link", _link(url.update_query(before), "prev"))
    return headers


def offset_page_headers(
    incoming: Incoming, page: Page, *, has_more: bool, count: int | None
) -> CIMultiDict[str]:
    """Return the headers of a page that is found by its offset alone."""
    headers: CIMultiDict[str] = CIMultiDict()
    if count is not None:
        headers[RESULTS_COUNT] = str(count)
    asked = incoming.request.rel_url
    url = asked.with_path(asked.path.rstrip("/"), keep_query=True)
    if has_more:
        after = {"limit": page.limit, "offset": page.offset + page.limit}
        headers.add("Link", _link(url.update_query(after), "next"))
    if page.offset > 0 and page.limit > 0:
        before = {"limit": page.limit, "offset": max(page.offset - page.limit, 0)}
        headers.add("Link", _link(url.update_query(before), "prev"))
    return headers


def _link(url: URL, relation: str) -> str:
    return f'<{url}>; rel="{relation}"; type="application/ld+json"'
