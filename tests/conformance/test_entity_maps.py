"""Entity maps over HTTP (clauses 5.5.9.3, 5.5.14, 5.14, 6.32, 6.34)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
import pytest_asyncio

from broker.model.clock import system_clock

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAP = "NGSILD-EntityMap"


def urn(kind, number):
    return f"urn:ngsi-ld:{kind}:{number}"


@pytest_asyncio.fixture(loop_scope="module")
async def five(broker, kind):
    """Five entities with p from 0 to 4; returns their ids in order."""
    bodies = [{"id": urn(kind, number), "type": kind, "p": number} for number in range(5)]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201
    return [body["id"] for body in bodies]


async def make(broker, kind, more="", **headers):
    """Make an entity map of all entities of a type; return its path and its body."""
    answer = await broker.get(f"/entityMaps?type={kind}{more}", **headers)
    assert answer.status == 201, answer.text
    return path_of(answer), answer.json


def path_of(answer):
    return answer.headers[MAP].removeprefix("/ngsi-ld/v1")


def ids(answer):
    return [entity["id"] for entity in answer.json]


def follow(answer, relation):
    """Return the path a Link of an answer leads to, None if there is none."""
    for link in answer.headers.getall("Link", []):
        if f'rel="{relation}"' in link:
            return link.partition(">")[0].lstrip("<").removeprefix("/ngsi-ld/v1")
    return None


async def members(broker, path):
    answer = await broker.get(path)
    assert answer.status == 200
    return list(answer.json["entityMap"])


def now():
    return datetime.fromisoformat(system_clock())


def seconds_until(time):
    return (datetime.fromisoformat(time) - now()).total_seconds()


# ------------------------------------------------------------------------- create (5.14.4, 6.34)


async def test_a_map_lists_what_the_query_finds_as_held_here(broker, kind, five):
    path, body = await make(broker, kind, "&q=p%3E2")
    assert body["type"] == "EntityMap"
    assert path == f"/entityMaps/{body['id']}"
    assert body["entityMap"] == {five[3]: ["@none"], five[4]: ["@none"]}
    assert body["linkedMaps"] == {}
    assert 290 < seconds_until(body["expiresAt"]) <= 300


async def test_a_map_is_made_by_post_too(broker, kind, five):
    query = {"type": "Query", "entities": [{"type": kind}], "q": "p<2", "entityMapLifetime": "PT9S"}
    answer = await broker.post("/entityMaps", query)
    assert answer.status == 201
    assert list(answer.json["entityMap"]) == five[:2]
    assert 0 < seconds_until(answer.json["expiresAt"]) <= 9
    assert await members(broker, path_of(answer)) == five[:2]


async def test_what_is_irrelevant_is_ignored(broker, kind, five):
    more = "&limit=1&offset=3&entityMap=false&geometryProperty=location&pick=id,p"
    _, body = await make(broker, kind, more, Accept="application/geo+json")
    assert list(body["entityMap"]) == five


async def test_the_context_is_in_the_body_of_json_ld(broker, kind):
    _, body = await make(broker, kind, Accept="application/ld+json")
    assert "ngsi-ld-core-context" in body["@context"]


async def test_the_order_of_the_query_is_the_order_of_the_map(broker, kind, five):
    _, body = await make(broker, kind, "&orderBy=p;desc")
    assert list(body["entityMap"]) == five[::-1]


@pytest.mark.usefixtures("five")
async def test_split_entities_are_all_candidates_and_tested_on_the_page(broker, kind, five):
    path, body = await make(broker, kind, "&q=p%3E2&splitEntities=true")
    assert list(body["entityMap"]) == five
    page = await broker.get(f"/entities?type={kind}&q=p%3E2", **{MAP: path})
    assert ids(page) == five[3:]
    assert await members(broker, path) == five[3:]
    _, local = await make(broker, kind, "&q=p%3E2&splitEntities=true&local=true")
    assert list(local["entityMap"]) == five[3:]


@pytest.mark.parametrize(
    "parameters",
    ["", "?id=urn:x:1", "?type=T&q=p%3E", "?type=T&id=x", "?type=T&geometryProperty=a",
     "?type=T&q=a%7Bb%7D==1", "?type=T&entityMapLifetime=1h", "?type=T&entityMapLifetime=PT0S",
     "?type=T&entityMapLifetime=P", "?type=T&splitEntities=perhaps"],
)  # fmt: skip
async def test_what_a_query_may_not_say_a_map_may_not_either(broker, parameters):
    answer = await broker.get(f"/entityMaps{parameters}")
    assert answer.status == 400, answer.text


@pytest.mark.parametrize("member", [{"entityMapLifetime": 5}, {"splitEntities": "true"}])
async def test_wrong_members_of_a_posted_query_are_refused(broker, member):
    query = {"type": "Query", "entities": [{"type": "T"}], **member}
    for path in ("/entityMaps", "/entityOperations/query"):
        assert (await broker.post(path, query)).status == 400


# ------------------------------------------------------- retrieve, update, delete (6.32, 5.14.1-3)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(("name", "status"), [("no%20uri", 400), ("urn:ngsi-ld:EntityMap:x", 404)])
async def test_a_map_that_is_none_is_told_as_such(broker, method, name, status):
    body = {"expiresAt": "2999-01-01T00:00:00Z"} if method == "PATCH" else None
    answer = await broker.request(method, f"/entityMaps/{name}", body)
    kind = "BadRequestData" if status == 400 else "ResourceNotFound"
    assert (answer.status, answer.json["type"].rpartition("/")[2]) == (status, kind)


async def test_an_update_changes_the_expiry_and_nothing_else(broker, kind, five):
    path, _ = await make(broker, kind)
    fragment = {
        "type": "EntityMap",
        "expiresAt": "2999-01-01T00:00:00Z",
        "entityMap": {"urn:x:1": ["@none"]},
        "linkedMaps": {"urn:x:2": "urn:x:3"},
    }
    answer = await broker.patch(path, fragment)
    assert (answer.status, answer.text) == (204, "")
    body = (await broker.get(path)).json
    assert 3500 < seconds_until(body["expiresAt"]) <= 3600
    assert (list(body["entityMap"]), body["linkedMaps"]) == (five, {})
    soon = (now() + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await broker.patch(path, {"expiresAt": soon})).status == 204
    assert seconds_until((await broker.get(path)).json["expiresAt"]) <= 60


@pytest.mark.parametrize(
    "fragment",
    [{}, [], {"expiresAt": "tomorrow"}, {"expiresAt": None}, {"expiresAt": "urn:ngsi-ld:null"},
     {"expiresAT": "2999-01-01T00:00:00Z"}, {"type": "Map"}, {"id": "urn:x:1"}],
)  # fmt: skip
async def test_a_fragment_that_is_none_is_refused(broker, kind, fragment):
    path, before = await make(broker, kind)
    assert (await broker.patch(path, fragment)).status == 400
    assert (await broker.get(path)).json == before


async def test_a_deleted_map_is_gone(broker, kind):
    path, _ = await make(broker, kind)
    assert (await broker.delete(path)).status == 204
    assert (await broker.get(path)).status == 404
    assert (await broker.delete(path)).status == 404


async def test_an_expired_map_is_gone_at_once(broker, kind, five):
    path, body = await make(broker, kind)
    assert (await broker.patch(path, {"expiresAt": "2000-01-01T00:00:00Z"})).status == 204
    for method in ("GET", "DELETE"):
        assert (await broker.request(method, path)).status == 404
    answer = await broker.get(f"/entities?type={kind}", **{MAP: path})
    assert (answer.status, ids(answer)) == (201, five)
    assert body["id"] not in answer.headers[MAP]


async def test_a_map_of_one_tenant_is_unknown_to_another(broker, kind):
    for tenant in ("north", "south"):
        entity = {"id": urn(kind, 1), "type": kind}
        await broker.post("/entities", entity, **{"NGSILD-Tenant": tenant})
    path, body = await make(broker, kind, **{"NGSILD-Tenant": "north"})
    assert list(body["entityMap"]) == [urn(kind, 1)]
    for other in ({}, {"NGSILD-Tenant": "south"}):
        assert (await broker.get(path, **other)).status == 404
        assert (await broker.delete(path, **other)).status == 404
    assert (await broker.get(path, **{"NGSILD-Tenant": "north"})).status == 200
    assert (await broker.get("/entityMaps?type=T", **{"NGSILD-Tenant": "none"})).status == 404


# ----------------------------------------------------------------- query (5.7.2, 5.5.9.3, 5.5.14)


async def test_a_query_makes_a_map_on_request_and_the_next_one_uses_it(broker, kind, five):
    first = await broker.get(f"/entities?type={kind}&entityMap=true")
    assert (first.status, ids(first)) == (201, five)
    await broker.post("/entities", {"id": urn(kind, "00"), "type": kind})
    again = await broker.get(f"/entities?type={kind}", **{MAP: first.headers[MAP]})
    assert (again.status, ids(again)) == (200, five)
    assert again.headers[MAP] == first.headers[MAP]
    plain = await broker.get(f"/entities?type={kind}")
    assert len(ids(plain)) == 6
    assert MAP not in plain.headers


async def test_the_map_is_named_by_its_location_its_url_or_its_identifier(broker, kind, five):
    path, body = await make(broker, kind)
    await broker.post("/entities", {"id": urn(kind, "00"), "type": kind})
    for name in (path, f"{broker.root}/ngsi-ld/v1{path}", body["id"], quote(body["id"], safe="")):
        answer = await broker.get(f"/entities?type={kind}", **{MAP: name})
        assert (answer.status, ids(answer)) == (200, five), name


async def test_a_posted_query_uses_and_makes_maps(broker, kind, five):
    query = {"type": "Query", "entities": [{"type": kind}], "entityMap": True}
    first = await broker.post("/entityOperations/query?limit=2", query)
    assert (first.status, ids(first)) == (201, five[:2])
    del query["entityMap"]
    second = await broker.post(follow(first, "next"), query)
    assert (second.status, ids(second)) == (200, five[2:4])


async def test_pages_go_forth_and_back_by_links_alone(broker, kind, five):
    page = await broker.get(f"/entities?type={kind}&limit=2&entityMap=true&count=true")
    assert page.headers["NGSILD-Results-Count"] == "5"
    seen, pages = ids(page), [page]
    while (path := follow(page, "next")) is not None:
        assert f"offset={len(seen)}" in path
        page = await broker.get(path)
        assert page.status == 200
        seen += ids(page)
        pages.append(page)
    assert (seen, len(pages)) == (five, 3)
    assert len({each.headers[MAP] for each in pages}) == 1
    assert follow(pages[0], "prev") is None
    for earlier in (pages[1], pages[0]):
        page = await broker.get(follow(page, "prev"))
        assert ids(page) == ids(earlier)
    assert follow(page, "prev") is None


async def test_pages_are_found_by_offset_as_well(broker, kind, five):
    path, _ = await make(broker, kind)
    page = await broker.get(f"/entities?type={kind}&limit=2&offset=3", **{MAP: path})
    assert ids(page) == five[3:]
    assert follow(page, "next") is None
    assert "offset=1" in follow(page, "prev")
    beyond = await broker.get(f"/entities?type={kind}&limit=2&offset=9", **{MAP: path})
    assert ids(beyond) == []
    assert ids(await broker.get(follow(beyond, "prev"))) == five[3:]


async def test_pages_stay_put_while_others_write(broker, kind, five):
    """What is created does not come in, what is deleted neither hides nor repeats the rest."""
    page = await broker.get(f"/entities?type={kind}&limit=2&entityMap=true")
    for number in ("0a", "1a", "2a", "9"):
        await broker.post("/entities", {"id": urn(kind, number), "type": kind})
    await broker.delete(f"/entities/{five[0]}")
    await broker.delete(f"/entities/{five[2]}")
    other = await broker.get(f"/entities?type={kind}&limit=5", **{MAP: page.headers[MAP]})
    assert ids(other) == [five[1], five[3], five[4]]
    second = await broker.get(follow(page, "next"))
    assert ids(second) == five[3:]
    back = await broker.get(follow(second, "prev"))
    assert ids(back) == [five[1]]
    assert follow(back, "prev") is None


async def test_what_no_longer_matches_leaves_the_map_and_pages_are_filled(broker, kind, five):
    path, _ = await make(broker, kind, "&q=p%3E=0")
    await broker.patch(f"/entities/{five[1]}/attrs", {"p": -1})
    page = await broker.get(f"/entities?type={kind}&q=p%3E=0&limit=3&count=true", **{MAP: path})
    assert ids(page) == [five[0], five[2], five[3]]
    assert page.headers["NGSILD-Results-Count"] == "4"
    assert await members(broker, path) == [five[0], *five[2:]]
    await broker.patch(f"/entities/{five[1]}/attrs", {"p": 1})
    again = await broker.get(f"/entities?type={kind}&q=p%3E=0", **{MAP: path})
    assert ids(again) == [five[0], *five[2:]]


async def test_another_query_is_answered_among_the_map_and_takes_nothing_out(broker, kind, five):
    path, _ = await make(broker, kind)
    answer = await broker.get(f"/entities?type={kind}&q=p%3E2", **{MAP: path})
    assert ids(answer) == five[3:]
    narrow = await broker.get(f"/entities?type={kind}&id={five[2]},{urn(kind, 99)}", **{MAP: path})
    assert ids(narrow) == [five[2]]
    assert await members(broker, path) == five


async def test_counting_alone(broker, kind, five):
    path, _ = await make(broker, kind)
    answer = await broker.get(f"/entities?type={kind}&limit=0&count=true", **{MAP: path})
    assert (ids(answer), answer.headers["NGSILD-Results-Count"]) == ([], str(len(five)))


async def test_the_order_is_that_of_when_the_map_was_made(broker, kind, five):
    query = f"/entities?type={kind}&orderBy=p;desc&limit=2"
    page = await broker.get(f"{query}&entityMap=true")
    await broker.patch(f"/entities/{five[0]}/attrs", {"p": 99})
    seen = ids(page)
    while (path := follow(page, "next")) is not None:
        page = await broker.get(path)
        seen += ids(page)
    assert seen == five[::-1]


async def test_a_map_of_many_entities_is_paged_to_its_end(broker, kind):
    bodies = [{"id": urn(kind, f"{number:04}"), "type": kind} for number in range(1203)]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201
    page = await broker.get(f"/entities?type={kind}&limit=400&entityMap=true&count=true")
    seen = ids(page)
    deleted = [body["id"] for body in bodies[490:510]]
    assert (await broker.post("/entityOperations/delete", deleted)).status == 204
    while (path := follow(page, "next")) is not None:
        page = await broker.get(path)
        seen += ids(page)
    assert seen == [body["id"] for body in bodies if body["id"] not in set(deleted)]
    assert page.headers["NGSILD-Results-Count"] == "1183"
    far = await broker.get(f"/entities?type={kind}&offset=1180", **{MAP: page.headers[MAP]})
    assert ids(far) == [body["id"] for body in bodies[1200:]]


async def test_readers_of_one_map_do_not_disturb_each_other(broker, kind):
    bodies = [{"id": urn(kind, f"{number:03}"), "type": kind} for number in range(60)]
    await broker.post("/entityOperations/create", bodies)
    path, _ = await make(broker, kind)
    deleted = [body["id"] for body in bodies[::3]]

    async def read():
        page = await broker.get(f"/entities?type={kind}&limit=7", **{MAP: path})
        seen = ids(page)
        while (after := follow(page, "next")) is not None:
            page = await broker.get(after)
            seen += ids(page)
        return seen

    async def write():
        for entity_id in deleted:
            await broker.delete(f"/entities/{entity_id}")

    *readers, _ = await asyncio.gather(read(), read(), read(), write())
    kept = [body["id"] for body in bodies if body["id"] not in deleted]
    for seen in readers:
        assert seen == sorted(set(seen))
        assert set(kept) <= set(seen)


async def test_a_link_whose_map_is_gone_goes_on_in_a_new_map(broker, kind, five):
    page = await broker.get(f"/entities?type={kind}&limit=2&entityMap=true")
    assert (await broker.delete(path_of(page))).status == 204
    after = await broker.get(follow(page, "next"))
    assert (after.status, ids(after)) == (201, five[2:4])
    assert after.headers[MAP] != page.headers[MAP]


# ----------------------------------------------------------------------- retrieve, purge (6.4.3.3)


async def test_a_retrieval_makes_names_and_uses_a_map(broker, kind, five):
    plain = await broker.get(f"/entities/{five[0]}")
    assert MAP not in plain.headers
    made = await broker.get(f"/entities/{five[0]}?entityMap=true&entityMapLifetime=PT9S")
    assert (made.status, made.json) == (200, plain.json)
    assert (await broker.get(path_of(made))).json["entityMap"] == {five[0]: ["@none"]}
    used = await broker.get(f"/entities/{five[0]}", **{MAP: made.headers[MAP]})
    assert (used.status, used.headers[MAP]) == (200, made.headers[MAP])
    lost = await broker.get(f"/entities/{five[0]}", **{MAP: "urn:ngsi-ld:EntityMap:none"})
    assert lost.status == 200
    assert await members(broker, path_of(lost)) == [five[0]]


async def test_a_purge_is_about_the_entities_of_the_map_that_match(broker, kind, five):
    path, _ = await make(broker, kind, "&q=p%3E1")
    dry = await broker.delete(f"/entities?type={kind}&q=p%3C4&dryRun=true", **{MAP: path})
    assert dry.json == {"dryRun": True, "entities": five[2:4]}
    done = await broker.delete(f"/entities?type={kind}&q=p%3C4", **{MAP: path})
    assert (done.status, unquote(done.headers[MAP])) == (204, f"/ngsi-ld/v1{path}")
    assert ids(await broker.get(f"/entities?type={kind}")) == [*five[:2], five[4]]


async def test_a_purge_with_a_lost_map_touches_nothing(broker, kind, five):
    lost = {MAP: "urn:ngsi-ld:EntityMap:none"}
    assert (await broker.delete(f"/entities?type={kind}", **lost)).status == 404
    assert ids(await broker.get(f"/entities?type={kind}")) == five


async def test_links_keep_what_the_client_asked_for(broker, kind, five):
    page = await broker.get(
        f"/entities?type={kind}&limit=2&entityMap=true&pick=id&options=sysAttrs"
    )
    given = dict(parse_qsl(urlsplit(follow(page, "next")).query))
    assert given.pop("cursor")
    assert given == {
        "type": kind, "limit": "2", "entityMap": "true", "pick": "id", "options": "sysAttrs",
        "offset": "2",
    }  # fmt: skip
    assert five[2] in (await broker.get(follow(page, "next"))).text
