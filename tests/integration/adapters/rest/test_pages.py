"""Paged documents from a real HTTP server: how pages follow each other, and what is never half."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from aiohttp import web

from adapters.rest.settings import MappingSpec, Settings
from adapters.rest.source import Poller, RecordMapping, check
from adapters.runtime.errors import Misconfigured, RetryLater, SkipRecord
from adapters.runtime.settings import parse_settings
from adapters.runtime.testing import adapter_context
from tests.integration.adapters.rest.polls import polled

ITEMS = [{"id": number} for number in range(1, 8)]
SETTINGS = Settings(mapping=Path("pages"))


def mapping(url, items="data.items", headers=None, **pages):
    source = {"url": url, "pages": {"items": items, **pages}, "headers": headers or {}}
    spec = {
        "title": "pages",
        "sources": {"list": source},
        "records": f"list.{items}" if items else "list",
        "entities": [{"id": "urn:x:{record.id}", "type": "T"}],
    }
    return RecordMapping(parse_settings(MappingSpec, spec, where="m"), where="m")


@pytest.fixture
async def pager():
    """Serves `ITEMS` in pages of three, in each of the ways partners do; counts what is asked."""
    pager = Pager()
    app = web.Application()
    app.router.add_get("/{way}", pager.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pager.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield pager
    await runner.cleanup()


class Pager:
    def __init__(self):
        self.url = ""
        self.asked = []
        self.keys = []
        self.faults = {}

    async def answer(self, request):
        query = request.query
        self.asked.append(request.path_qs)
        self.keys.append(request.headers.get("X-Key"))
        if self.faults.get(request.path_qs):
            return self.faults[request.path_qs].pop(0)
        return getattr(self, f"_{request.match_info['way']}")(query)

    def _link(self, query):
        at = int(query.get("from", 0))
        other = '<https://example.org/a,b>; rel=prev; title="a, b"'
        headers = [("Link", other)]
        if at + 3 < len(ITEMS):
            headers.append(("Link", f'</link?from={at + 3}>; title="x"; rel="last next"'))
        return self._page(ITEMS[at : at + 3], headers=headers)

    def _url(self, query):
        at = int(query.get("from", 0))
        following = f"?from={at + 3}" if at + 3 < len(ITEMS) else None
        return self._page(ITEMS[at : at + 3], next=following)

    def _cursor(self, query):
        at = ord(query["after"]) if "after" in query else 0
        assert query["limit"] == "3"
        return self._page(ITEMS[at : at + 3], next=chr(at + 3) if at + 3 < len(ITEMS) else "")

    def _page_numbers(self, query):
        at = 3 * (int(query["page"]) - 1)
        return self._page(ITEMS[at : at + 3], last=at + 3 >= len(ITEMS))

    def _offsets(self, query):
        at = int(query["offset"])
        return self._page(ITEMS[at : at + 3], total=len(ITEMS))

    def _bare(self, query):
        at = int(query["offset"])
        return web.Response(body=orjson.dumps(ITEMS[at : at + 3]))

    def _deaf(self, _query):
        return self._page(ITEMS)

    def _circle(self, query):
        return self._page(ITEMS[:1], next=f"?{'b' if 'a' in query else 'a'}=1")

    def _elsewhere(self, _query):
        return self._page(ITEMS, next="http://169.254.169.254/latest/meta-data")

    def _page(self, items, headers=(), **more):
        body = orjson.dumps({"data": {"items": items, "at": "now"}, **more})
        return web.Response(body=body, headers=list(headers))


WAYS = {
    "link": ("/link", {"by": "link"}, 3),
    "url": ("/url", {"by": "url", "next": "next"}, 3),
    "cursor": ("/cursor?limit=3", {"by": "cursor", "next": "next", "parameter": "after"}, 3),
    "page": ("/page_numbers", {"by": "page", "parameter": "page"}, 4),
    "page-more": ("/page_numbers", {"by": "page", "parameter": "page", "more": "!last"}, 3),
    "offset": ("/offsets", {"by": "offset", "parameter": "offset"}, 4),
    "offset-total": ("/offsets", {"by": "offset", "parameter": "offset", "total": "total"}, 3),
    "list": ("/bare", {"by": "offset", "parameter": "offset", "items": ""}, 4),
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_item_of_every_page_is_stored_once(pager, broker, tmp_path, way):
    path, pages, requests = WAYS[way]
    found = mapping(pager.url + path, **pages)
    assert await polled(SETTINGS, found, broker, tmp_path) == [{"created": 7}]
    assert len(pager.asked) == requests
    assert set(broker.entities) == {f"urn:x:{one['id']}" for one in ITEMS}


async def test_unchanged_pages_write_nothing_also_after_a_restart(pager, broker, tmp_path):
    found = mapping(f"{pager.url}/url", by="url", next="next")
    assert await polled(SETTINGS, found, broker, tmp_path, (0.0, 60.0)) == [{"created": 7}, {}]
    assert await polled(SETTINGS, found, broker, tmp_path, (120.0,)) == [{}]
    assert len(broker.batches) == 1


async def test_a_page_that_fails_is_told_and_nothing_is_written(pager, broker, tmp_path):
    found = mapping(f"{pager.url}/url", by="url", next="next")
    pager.faults["/url?from=3"] = [web.Response(status=500)]
    with pytest.raises(RetryLater, match=r"page 2 of list: .*/url\?from=3 answered 500"):
        await polled(SETTINGS, found, broker, tmp_path)
    assert broker.entities == {}
    assert await polled(SETTINGS, found, broker, tmp_path, (60.0,)) == [{"created": 7}]


async def test_after_a_failed_page_the_document_before_stays_in_use(pager, broker, tmp_path):
    found = mapping(f"{pager.url}/url", by="url", next="next")
    async with adapter_context(SETTINGS, broker=broker.url, data=tmp_path) as context:
        poller = Poller(context, found)
        await poller.poll(0.0)
        pager.faults["/url?from=6"] = [web.Response(body=b"<html>down</html>")]
        with pytest.raises(RetryLater, match="page 3 of list: list is not JSON"):
            await poller.poll(60.0)
        assert await poller.poll(120.0) == {}


async def test_a_busy_partner_is_given_time(pager, broker, tmp_path):
    found = mapping(f"{pager.url}/url", by="url", next="next")
    pager.faults["/url?from=3"] = [
        web.Response(status=503),
        web.Response(status=429, headers={"Retry-After": "0"}),
    ]
    assert await polled(SETTINGS, found, broker, tmp_path) == [{"created": 7}]
    assert pager.asked.count("/url?from=3") == 3


async def test_a_partner_that_is_busy_for_long_is_asked_later(pager, broker, tmp_path):
    found = mapping(f"{pager.url}/url", by="url", next="next")
    pager.faults["/url?from=3"] = [web.Response(status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(RetryLater, match=r"page 2 of list: .* answered 429") as caught:
        await polled(SETTINGS, found, broker, tmp_path)
    assert caught.value.after == 3600


@pytest.mark.parametrize(
    ("path", "pages", "message"),
    [
        ("/circle", {"by": "url", "next": "next"}, r"pages go in a circle, back to .*\?a=1"),
        ("/url", {"by": "url", "next": "next", "most": 2}, r"more than 2 pages; `pages\.most`"),
        ("/deaf", {"by": "page", "parameter": "page"}, "page 2 of list: it is the page before"),
        ("/elsewhere", {"by": "url", "next": "next"}, "page 2 of list: 169.254.169.254 must not"),
        ("/url", {"by": "url", "next": "data"}, "`next: data` finds .*, and no url"),
        ("/url", {"by": "url", "next": "next", "items": "itmes"}, "`items: itmes` is NoneType"),
    ],
)
async def test_pages_that_cannot_be_followed_are_told(
    pager, broker, tmp_path, path, pages, message
):
    with pytest.raises(SkipRecord, match=message):
        await polled(SETTINGS, mapping(pager.url + path, **pages), broker, tmp_path)
    assert broker.entities == {}


async def test_all_pages_together_are_bounded_in_bytes_and_time(pager, broker, tmp_path):
    found = mapping(f"{pager.url}/url", by="url", next="next")
    small = Settings(mapping=Path("pages"), largest_body=200)
    with pytest.raises(SkipRecord, match="the pages together are larger than 200 bytes"):
        await polled(small, found, broker, tmp_path)
    hasty = mapping(f"{pager.url}/url", by="url", next="next", time=0)
    with pytest.raises(RetryLater, match=r"not complete after 0 s.*`pages\.time` is the limit"):
        await polled(SETTINGS, hasty, broker, tmp_path)


async def test_headers_go_to_the_host_of_the_first_page_only(pager, broker, tmp_path):
    other = pager.url.replace("127.0.0.1", "localhost") + "/url?from=3"
    pager.faults["/url"] = [
        web.Response(body=orjson.dumps({"data": {"items": ITEMS[:3]}, "next": other}))
    ]
    found = mapping(f"{pager.url}/url", headers={"X-Key": "k"}, by="url", next="next")
    assert await polled(SETTINGS, found, broker, tmp_path) == [{"created": 7}]
    assert pager.keys == ["k", None, None]


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ({"by": "cursor", "next": "next"}, "`by: cursor` needs `parameter`"),
        ({"by": "link", "next": "next"}, "`by: link` does not take `next`"),
        ({"by": "link", "more": "x"}, "first, more and total are for"),
        ({"by": "links"}, "did you mean 'link'"),
        ({"by": "link", "items": "a..b"}, "names joined by dots"),
    ],
)
def test_pages_that_make_no_sense_are_refused(pages, message):
    with pytest.raises(Misconfigured, match=message):
        mapping("http://a/", **{"items": "", **pages})


def test_an_expression_that_cannot_be_read_is_found_without_polling(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(
        "title: t\nrecords: list\n"
        "sources: {list: {url: 'http://a/', pages: {by: url, next: 'a['}}}\n"
        "entities: [{id: 'urn:x:1', type: T}]\n"
    )
    with pytest.raises(Misconfigured, match=r"sources\.list\.pages\.next: 'a\[' is not"):
        check(Settings(mapping=file))
