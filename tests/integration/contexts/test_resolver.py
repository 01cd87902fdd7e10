from __future__ import annotations

import asyncio
import logging

import orjson
import pytest

from broker.config.settings import ContextSettings
from broker.contexts.assembly import assemble_contexts
from broker.contexts.core import CORE_CONTEXT_URL, DEFAULT_VOCABULARY
from broker.contexts.flattening import ContextLimits
from broker.model.errors import BadRequestData, DatabaseUnavailable, LdContextNotAvailable
from broker.storage.contexts import StoredContext, cached_id
from broker.storage.mongo.connection import Databases
from broker.storage.mongo.contexts import MongoContextStore

A = {"@context": {"a": "https://example.org/a"}}
B = {"@context": {"b": "https://example.org/b"}}


async def eventually(condition):
    """Wait until something done in the background has happened."""
    while not await condition():
        await asyncio.sleep(0.01)


async def test_no_context_gives_the_core(resolver):
    context = await resolver.resolve(None)
    assert context.url == CORE_CONTEXT_URL
    assert context.body == CORE_CONTEXT_URL
    assert context.expand("a") == f"{DEFAULT_VOCABULARY}a"


@pytest.mark.parametrize(
    "url", [CORE_CONTEXT_URL, "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.3.jsonld"]
)
async def test_a_core_url_is_never_fetched_and_given_back(resolver, url):
    for reference in (url, [url]):
        context = await resolver.resolve(reference)
        assert context.body == reference
        assert context.expand("location") == "https://uri.etsi.org/ngsi-ld/location"
    assert (await resolver.resolve(url)).url == url


async def test_a_url_is_fetched_once_for_all_who_ask(resolver, site):
    site.delay = 0.05
    url = site.put("/a", A)
    found = await asyncio.gather(*(resolver.resolve(url) for _ in range(20)))
    found.append(await resolver.resolve([url]))
    assert {context.expand("a") for context in found} == {"https://example.org/a"}
    assert {context.url for context in found} == {url}
    assert site.paths == ["/a"]


async def test_another_process_finds_it_in_the_store(resolver, start, site):
    url = site.put("/a", A)
    await resolver.resolve(url)
    site.pages.clear()
    other = await start()
    assert (await other.resolve(url)).expand("a") == "https://example.org/a"
    assert site.paths == ["/a"]


async def test_tenants_have_caches_of_their_own(resolver, site):
    url = site.put("/a", A)
    await resolver.resolve(url, tenant="town")
    await resolver.resolve(url, tenant="city")
    assert site.paths == ["/a", "/a"]


async def test_nested_relative_arrays_and_inline_objects(resolver, site):
    site.put("/sub/b", B)
    site.put("/sub/imported", {"@context": {"c": "https://example.org/wrong", "p": "urn:p:"}})
    site.put(
        "/c",
        {"@context": {"@version": 1.1, "@import": "sub/imported", "c": "https://example.org/c"}},
    )
    top = site.put("/top", {"@context": ["sub/b", "c", CORE_CONTEXT_URL], "id": "ignored"})
    reference = [top, {"d": "p:d", "a": "https://example.org/a"}]
    context = await resolver.resolve(reference)
    assert [context.expand(name) for name in "abcd"] == [
        "https://example.org/a",
        "https://example.org/b",
        "https://example.org/c",
        "urn:p:d",
    ]
    assert context.url is None
    assert context.body == [*reference, CORE_CONTEXT_URL]
    assert (await resolver.resolve(top)).body == top


@pytest.mark.parametrize("reference", [{"x": "https://e.org/x"}, [{"x": "https://e.org/x"}]])
async def test_an_inline_context_is_made_once(resolver, reference):
    context = await resolver.resolve(reference)
    assert context.expand("x") == "https://e.org/x"
    assert await resolver.resolve(orjson.loads(orjson.dumps(reference))) is context


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (7, "has to be a URL"),
        ([7], "has to be a URL"),
        ([["https://e.org/"]], "array inside an array"),
        ("example.org/context", "not an absolute http(s) URL"),
        ("ftp://example.org/context", "not an absolute http(s) URL"),
        ("file:///etc/passwd", "not an absolute http(s) URL"),
        ({"a": 7}, "not valid JSON-LD"),
        ({"a": {"@id": "urn:a:a", "@context": {}}}, "scoped"),
        ({"@context": {"a": "urn:a:a"}}, "one level too many"),
        ({"@import": 7}, "@import that is not a URL"),
        ({f"t{n}": "urn:a:a" for n in range(5001)}, "more than 5000 definitions"),
        ({f"t{n}": f"t{n + 1}:x" for n in range(4000)}, "chain"),
    ],
)
async def test_what_is_not_a_context_is_refused(resolver, reference, words):
    with pytest.raises(BadRequestData) as raised:
        await resolver.resolve(reference)
    assert words in raised.value.detail


@pytest.mark.parametrize(
    ("body", "status", "error", "words"),
    [
        (b"not json", 200, BadRequestData, "not valid JSON"),
        (b"\xff\xfe", 200, BadRequestData, "not valid JSON"),
        ({"note": 1}, 200, BadRequestData, "member @context"),
        ([A], 200, BadRequestData, "member @context"),
        (A, 404, LdContextNotAvailable, "status 404"),
        (A, 204, LdContextNotAvailable, "status 204"),
        (A, 503, LdContextNotAvailable, "status 503"),
    ],
)
async def test_what_a_server_sends_instead_of_a_context(resolver, site, body, status, error, words):
    url = site.put("/broken", b"" if status == 204 else body, status=status)
    outer = site.put("/outer", {"@context": [url]})
    with pytest.raises(error) as raised:
        await resolver.resolve(url)
    assert words in raised.value.detail
    assert url in raised.value.detail
    with pytest.raises(error) as raised:
        await resolver.resolve(outer)
    assert outer in raised.value.detail


async def test_a_document_with_an_impossible_context(resolver, site):
    url = site.put("/broken", {"@context": 7})
    with pytest.raises(BadRequestData, match=f"in {url} is 7; it has to be a URL"):
        await resolver.resolve([url])


async def test_a_server_that_is_not_there(resolver, site):
    url = site.url("/a")
    await site.server.close()
    with pytest.raises(LdContextNotAvailable) as raised:
        await resolver.resolve(url)
    assert "cannot be reached" in raised.value.detail


async def test_a_failure_is_remembered_for_a_moment(resolver, site):
    url = site.url("/later")
    for _ in range(3):
        with pytest.raises(LdContextNotAvailable):
            await resolver.resolve(url)
    assert site.paths == ["/later"]


async def test_cycles_and_limits(start, site):
    resolver = await start(ContextSettings(max_depth=3, max_documents=4))
    site.put("/one", {"@context": ["two", A["@context"]]})
    site.put("/two", {"@context": "one"})
    with pytest.raises(BadRequestData, match="refers to itself"):
        await resolver.resolve(site.url("/one"))
    for number in range(6):
        site.put(f"/chain{number}", {"@context": f"chain{number + 1}"})
    with pytest.raises(BadRequestData, match="3 levels"):
        await resolver.resolve(site.url("/chain0"))
    urls = [site.put(f"/many{number}", A) for number in range(5)]
    with pytest.raises(BadRequestData, match="4 documents"):
        await resolver.resolve(urls)


async def test_a_document_that_is_too_large(start, site):
    resolver = await start(ContextSettings(max_bytes=2000))
    url = site.put("/large", {"@context": {"a": "https://example.org/" + "a" * 3000}})
    with pytest.raises(LdContextNotAvailable, match="2000"):
        await resolver.resolve(url)


async def test_text_plain_is_taken_with_a_warning(resolver, site, caplog):
    url = site.put("/a", b"\xef\xbb\xbf" + orjson.dumps(A), Content_Type="text/plain")
    with caplog.at_level(logging.WARNING):
        context = await resolver.resolve(url)
    assert context.expand("a") == "https://example.org/a"
    assert "not JSON" in caplog.text


async def test_a_page_that_refers_to_its_json_ld(resolver, site):
    site.put("/docs/context.jsonld", A)
    url = site.put(
        "/",
        b"<html>",
        Content_Type="text/html",
        Link='</docs/context.jsonld>; rel="alternate"; type="application/ld+json"',
    )
    assert (await resolver.resolve(url)).expand("a") == "https://example.org/a"


async def test_preloaded_files_need_no_network(start, tmp_path):
    (tmp_path / "index.json").write_bytes(orjson.dumps({"https://e.org/c": "c.jsonld"}))
    (tmp_path / "c.jsonld").write_bytes(orjson.dumps(A))
    resolver = await start(ContextSettings(preload_directory=tmp_path))
    assert (await resolver.resolve("https://e.org/c")).expand("a") == "https://example.org/a"


async def test_a_hosted_context_is_found_by_its_address(resolver, store):
    identifier = "5d2f5e0c-0000-4000-8000-000000000001"
    stored = StoredContext(
        identifier, "town", "Hosted", orjson.dumps(A).decode(), "2026-11-22T04:00:00.000000Z"
    )
    await store.insert(stored)
    path = f"/ngsi-ld/v1/jsonldContexts/{identifier}"
    for reference in (path, f"http://broker.example:1026{path}", [f"https://b.example{path}"]):
        context = await resolver.resolve(reference, tenant="town")
        assert context.expand("a") == "https://example.org/a"
    with pytest.raises(LdContextNotAvailable, match="hosts no @context"):
        await resolver.resolve(path, tenant="city")


async def test_another_broker_hosts_it(resolver, site):
    path = "/ngsi-ld/v1/jsonldContexts/5d2f5e0c-0000-4000-8000-000000000002"
    assert (await resolver.resolve(site.put(path, A))).expand("a") == "https://example.org/a"


async def test_an_answer_that_nothing_has_changed_although_not_asked(resolver, site):
    url = site.put("/a", A, status=304)
    with pytest.raises(LdContextNotAvailable, match="nothing has changed"):
        await resolver.resolve(url)


async def test_a_failure_is_forgotten_after_the_moment(resolver, site, monkeypatch):
    monkeypatch.setattr("broker.contexts.documents._FAILURE_SECONDS", 0.0)
    url = site.url("/later")
    with pytest.raises(LdContextNotAvailable):
        await resolver.resolve(url)
    site.put("/later", A)
    assert (await resolver.resolve(url)).expand("a") == "https://example.org/a"


async def test_failures_are_not_remembered_without_limit(resolver, site, monkeypatch):
    monkeypatch.setattr("broker.contexts.documents._FAILURES_REMEMBERED", 2)
    for number in range(4):
        with pytest.raises(LdContextNotAvailable):
            await resolver.resolve(site.url(f"/none{number}"))
    assert len(resolver.library._failures) == 2


async def test_a_context_that_takes_too_long_in_all(resolver, site):
    resolver._limits = ContextLimits(seconds=0.05)
    site.delay = 1.0
    with pytest.raises(LdContextNotAvailable, match=r"within 0\.05 s"):
        await resolver.resolve(site.put("/a", A))


async def test_without_a_database_what_is_in_memory_still_works(outbound, clock, client_away):
    store = MongoContextStore(Databases(client_away, prefix="away"), clock=clock)
    resolver = await asyncio.to_thread(
        assemble_contexts, store, outbound, ContextSettings(), clock=clock
    )
    async with resolver:
        assert (await resolver.resolve(None)).url == CORE_CONTEXT_URL
        assert (await resolver.resolve({"x": "urn:x:x"})).expand("x") == "urn:x:x"
        with pytest.raises(DatabaseUnavailable):
            await resolver.resolve("https://example.org/c")


async def test_a_stale_one_is_used_while_a_newer_one_is_fetched(resolver, site, clock, store):
    url = site.put("/a", A, Cache_Control="max-age=120", ETag='"1"')
    await resolver.resolve(url)
    clock.now = "2026-11-22T05:00:00.000000Z"
    resolver.forget(cached_id("", url))
    site.put("/a", B, Cache_Control="max-age=120", ETag='"2"')

    context = await resolver.resolve(url)
    assert context.expand("a") == "https://example.org/a"

    async def is_new():
        return (await resolver.resolve(url)).expand("b") == "https://example.org/b"

    await eventually(is_new)
    assert site.paths == ["/a", "/a"]
    stored = await store.fetch("", cached_id("", url))
    assert stored is not None
    assert stored.expires_at == "2026-11-22T05:02:00.000000Z"


async def test_an_unchanged_one_is_only_confirmed(resolver, site, clock, store):
    url = site.put("/a", A, Cache_Control="max-age=120", ETag='"1"')
    await resolver.resolve(url)
    clock.now = "2026-11-22T05:00:00.000000Z"
    resolver.forget(cached_id("", url))
    await resolver.resolve(url)

    async def is_confirmed():
        stored = await store.fetch("", cached_id("", url))
        return stored is not None and stored.expires_at > "2026-11-22T06:00:00"

    await eventually(is_confirmed)
    assert site.requests[-1][1]["If-None-Match"] == '"1"'


async def test_a_server_without_etag_is_asked_by_date(resolver, site, clock):
    date = "Sun, 22 Nov 2026 03:00:00 GMT"
    url = site.put("/a", A, Cache_Control="max-age=120", Last_Modified=date)
    await resolver.resolve(url)
    clock.now = "2026-11-22T05:00:00.000000Z"
    resolver.forget(cached_id("", url))
    await resolver.resolve(url)

    async def is_asked():
        return len(site.requests) == 2

    await eventually(is_asked)
    assert site.requests[1][1]["If-Modified-Since"] == date


async def test_a_refresh_that_fails_leaves_the_cached_one(resolver, site, clock, store):
    url = site.put("/a", A, Cache_Control="max-age=120")
    await resolver.resolve(url)
    clock.now = "2026-11-22T05:00:00.000000Z"
    resolver.forget(cached_id("", url))
    site.put("/a", b"oops")
    await resolver.resolve(url)

    async def is_postponed():
        stored = await store.fetch("", cached_id("", url))
        return stored is not None and stored.expires_at == "2026-11-22T05:05:00.000000Z"

    await eventually(is_postponed)
    assert (await resolver.resolve(url)).expand("a") == "https://example.org/a"


async def test_other_processes_forget_what_was_deleted(resolver, start, site, store, monkeypatch):
    monkeypatch.setattr("broker.contexts.resolver._LOOK_SECONDS", 0.05)
    other = await start()
    url = site.put("/a", A)
    await resolver.resolve(url)
    await other.resolve(url)
    await asyncio.sleep(0.1)
    site.put("/a", B)
    assert await store.delete("", cached_id("", url))

    async def is_fetched_again():
        return (await other.resolve(url)).expand("b") == "https://example.org/b"

    await eventually(is_fetched_again)


async def test_uses_are_counted(resolver, site, store):
    url = site.put("/a", A)
    for _ in range(5):
        await resolver.resolve(url)

    async def is_counted():
        stored = await store.fetch("", cached_id("", url))
        return stored is not None and stored.hits == 5

    await eventually(is_counted)


async def test_a_process_without_requests_keeps_contexts_in_use(start, site, store):
    url = site.put("/a", A)
    engine = await start(counts_hits=False)
    await engine.resolve(url)

    async def is_kept():
        stored = await store.fetch("", cached_id("", url))
        return stored is not None and stored.last_used_at is not None

    await eventually(is_kept)
    stored = await store.fetch("", cached_id("", url))
    assert stored is not None
    assert stored.hits == 0


async def test_what_is_in_memory_is_kept_in_the_cache(start, site, store, monkeypatch):
    monkeypatch.setattr("broker.contexts.resolver._KEEP_SECONDS", 0.0)
    monkeypatch.setattr("broker.contexts.resolver._LOOK_SECONDS", 0.02)
    engine = await start(counts_hits=False)
    url = site.put("/a", A)
    await engine.resolve(url)
    await store.count_uses({("", cached_id("", url)): 1}, "2026-11-01T00:00:00.000000Z")

    async def is_kept():
        stored = await store.fetch("", cached_id("", url))
        return stored is not None and stored.last_used_at > "2026-11-20"

    await eventually(is_kept)


async def test_memory_is_bounded(start):
    resolver = await start(ContextSettings(cache_entries=3))
    for number in range(10):
        await resolver.resolve({"a": f"https://example.org/{number}"})
    assert len(resolver._known) == 3


async def test_a_cancelled_request_does_not_take_the_others_with_it(resolver, site):
    site.delay = 0.1
    url = site.put("/a", A)
    first = asyncio.ensure_future(resolver.resolve(url))
    second = asyncio.ensure_future(resolver.resolve(url))
    await asyncio.sleep(0.02)
    first.cancel()
    assert (await second).expand("a") == "https://example.org/a"
    with pytest.raises(asyncio.CancelledError):
        await first
