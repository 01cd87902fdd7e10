"""Add, list, serve, delete and reload @contexts (clause 5.13), below HTTP."""

from __future__ import annotations

import orjson
import pytest

from broker.contexts.core import CORE_CONTEXT_URL
from broker.model.errors import (
    BadRequestData,
    InvalidRequest,
    LdContextNotAvailable,
    OperationNotSupported,
    ResourceNotFound,
)
from broker.operations.caller import Caller
from broker.operations.contexts import ContextOperations
from broker.storage.contexts import CONTEXT_KINDS

A = {"@context": {"a": "https://example.org/a"}}
B = {"@context": {"b": "https://example.org/b"}}
BASE = "https://broker.example"
HOSTED = f"{BASE}/ngsi-ld/v1/jsonldContexts/"
ME = Caller()
TOWN = Caller(tenant="town")


@pytest.fixture
def operations(store, resolver, clock):
    return ContextOperations(store=store, resolver=resolver, clock=clock)


async def test_a_hosted_one_is_served_without_what_stood_beside_it(operations):
    identifier = await operations.add_context(ME, {**A, "id": "dropped"})
    for name in (identifier, HOSTED + identifier, f"/ngsi-ld/v1/jsonldContexts/{identifier}"):
        assert orjson.loads(await operations.serve_context(ME, name)) == A
    described = await operations.describe_context(ME, identifier)
    assert (described.kind, described.id, described.content) == ("Hosted", identifier, "")


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ([A], InvalidRequest),
        ("text", InvalidRequest),
        ({"a": "https://example.org/a"}, InvalidRequest),
        ({"@context": 42}, BadRequestData),
        ({"@context": None}, BadRequestData),
        ({"@context": True}, BadRequestData),
        ({"@context": ["https://example.org/c", 7]}, BadRequestData),
        ({"@context": "no url"}, BadRequestData),
        ({"@context": {"a": {"@id": "urn:a:a", "@context": {}}}}, BadRequestData),
    ],
)
async def test_what_is_no_context_is_not_stored(operations, document, error):
    with pytest.raises(error):
        await operations.add_context(ME, document)
    assert await operations.list_contexts(ME) == []


async def test_what_a_hosted_one_refers_to_is_not_fetched_before_it_is_used(
    operations, resolver, site
):
    url = site.put("/a", A)
    identifier = await operations.add_context(ME, {"@context": [url, B["@context"]]})
    assert site.paths == []
    context = await resolver.resolve(HOSTED + identifier)
    assert context.expand("a") == "https://example.org/a"
    assert (await operations.describe_context(ME, url)).kind == "Cached"


async def test_they_are_listed_by_kind(operations, resolver, site):
    url = site.put("/a", A)
    inline = await resolver.resolve([url, B["@context"]])
    await operations.add_context(ME, B)
    await operations.address_of(ME, inline, BASE)
    assert {found.kind for found in await operations.list_contexts(ME)} == set(CONTEXT_KINDS)
    for kind in CONTEXT_KINDS:
        assert [found.kind for found in await operations.list_contexts(ME, kind)] == [kind]
    assert await operations.list_contexts(TOWN) == []


async def test_another_tenant_sees_nothing_of_it(operations):
    identifier = await operations.add_context(TOWN, A)
    for refused in (
        operations.serve_context(ME, identifier),
        operations.describe_context(ME, identifier),
        operations.delete_context(ME, identifier),
    ):
        with pytest.raises(ResourceNotFound):
            await refused
    assert orjson.loads(await operations.serve_context(TOWN, identifier)) == A


async def test_a_cached_one_is_described_but_not_served(operations, resolver, site):
    url = site.put("/a", A)
    await resolver.resolve(url)
    described = await operations.describe_context(ME, url)
    assert (described.kind, described.url) == ("Cached", url)
    assert await operations.describe_context(ME, described.id)
    for name in (url, described.id):
        with pytest.raises(OperationNotSupported, match="cached copy"):
            await operations.serve_context(ME, name)


async def test_deleting_makes_the_next_use_fetch_again(operations, resolver, site):
    url = site.put("/a", A)
    await resolver.resolve(url)
    site.put("/a", B)
    await operations.delete_context(ME, url)
    with pytest.raises(ResourceNotFound):
        await operations.describe_context(ME, url)
    assert (await resolver.resolve(url)).expand("b") == "https://example.org/b"


async def test_reloading_replaces_the_copy(operations, resolver, site):
    url = site.put("/a", A)
    await resolver.resolve(url)
    site.put("/a", B)
    await operations.reload_context(ME, url)
    assert (await resolver.resolve(url)).expand("b") == "https://example.org/b"
    assert site.paths == ["/a", "/a"]


@pytest.mark.parametrize(("body", "status"), [(A, 404), (b"no json", 200), ({"note": 1}, 200)])
async def test_a_reload_that_fails_leaves_the_copy(operations, resolver, site, body, status):
    url = site.put("/a", A)
    await resolver.resolve(url)
    site.put("/a", body, status=status)
    with pytest.raises(LdContextNotAvailable, match=url):
        await operations.reload_context(ME, url)
    assert (await operations.describe_context(ME, url)).kind == "Cached"
    assert (await resolver.resolve(url)).expand("a") == "https://example.org/a"


async def test_only_cached_ones_are_reloaded(operations):
    identifier = await operations.add_context(ME, A)
    for name in (identifier, "unknown"):
        with pytest.raises(BadRequestData, match="Only a Cached"):
            await operations.reload_context(ME, name)


@pytest.mark.parametrize("name", ["unknown", "https://example.org/unknown"])
async def test_what_is_not_there_is_not_found(operations, name):
    for refused in (
        operations.serve_context(ME, name),
        operations.describe_context(ME, name),
        operations.delete_context(ME, name),
    ):
        with pytest.raises(ResourceNotFound):
            await refused


async def test_the_core_context_is_described_and_stays(operations):
    described = await operations.describe_context(ME, CORE_CONTEXT_URL)
    assert (described.kind, described.url) == ("Cached", CORE_CONTEXT_URL)
    for refused in (
        operations.delete_context(ME, CORE_CONTEXT_URL),
        operations.reload_context(ME, CORE_CONTEXT_URL),
    ):
        with pytest.raises(BadRequestData, match="comes with the installation"):
            await refused


async def test_a_context_without_a_url_gets_one(operations, resolver):
    reference = [{"a": "https://example.org/a"}, CORE_CONTEXT_URL, B["@context"]]
    context = await resolver.resolve(reference, tenant="town")
    address = await operations.address_of(TOWN, context, f"{BASE}/")
    assert address == await operations.address_of(TOWN, context, BASE)
    assert address.startswith(HOSTED)
    [stored] = await operations.list_contexts(TOWN)
    assert stored.kind == "ImplicitlyCreated"
    served = orjson.loads(await operations.serve_context(TOWN, address))
    assert served == {"@context": reference}
    assert (await resolver.resolve(address, tenant="town")).expand("b") == "https://example.org/b"


async def test_a_context_with_a_url_keeps_it(operations, resolver, site):
    url = site.put("/a", A)
    identifier = await operations.add_context(ME, A)
    path = f"/ngsi-ld/v1/jsonldContexts/{identifier}"
    for reference, address in (
        (None, CORE_CONTEXT_URL),
        (url, url),
        ([url, CORE_CONTEXT_URL], url),
        ([], CORE_CONTEXT_URL),
        (path, BASE + path),
    ):
        context = await resolver.resolve(reference)
        assert await operations.address_of(ME, context, BASE) == address
    assert await operations.list_contexts(ME, "ImplicitlyCreated") == []


async def test_hits_are_what_was_found(operations, resolver, site):
    url = site.put("/a", A)
    hosted = await operations.add_context(ME, B)

    async def hits(name):
        return (await operations.describe_context(ME, name)).hits

    assert await hits(hosted) == 0
    await resolver.resolve(HOSTED + hosted)
    assert [await hits(hosted), await hits(hosted)] == [1, 1]
    await resolver.resolve(url)
    assert await hits(url) == 1
    await resolver.resolve(url)
    assert await hits(url) == 3


async def test_looking_one_up_has_been_counted_when_another_worker_is_asked(
    store, start, clock, site
):
    url = site.put("/a", A)
    resolvers = [await start(), await start()]
    workers = [ContextOperations(store=store, resolver=one, clock=clock) for one in resolvers]
    await resolvers[0].resolve(url)
    seen = [(await workers[number % 2].describe_context(ME, url)).hits for number in range(6)]
    assert seen == list(range(seen[0], seen[0] + 6))
