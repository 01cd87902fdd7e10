"""The provisioning API and the HTTP binding for measures, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.mqtt.ledger import Ledger
from adapters.mqtt.measures_server import routes as measures_routes
from adapters.mqtt.observations import MessageReader
from adapters.mqtt.outlets import Outlets
from adapters.mqtt.provisioning import Provisioning
from adapters.mqtt.provisioning_documents import group_from
from adapters.mqtt.provisioning_server import routes
from adapters.mqtt.registry import Registry
from adapters.mqtt.registry_store import SqliteRegistryStore
from adapters.mqtt.topics import IOT_AGENT_RULES, Router
from adapters.runtime.http_server import serve
from adapters.runtime.store import Store
from adapters.runtime.testing import TestBroker, adapter_context

HEADERS = {"fiware-service": "city", "fiware-servicepath": "/parks"}
OTHER = {"fiware-service": "town", "fiware-servicepath": "/"}
GROUP = {"resource": "/iot/json", "apikey": "k1", "entity_type": "Sensor"}
DEVICE = {"device_id": "d1", "apikey": "k1", "entity_name": "urn:ngsi-ld:Sensor:one"}


class Api:
    """The API under test; `restart` brings up another process on the same files."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> tuple[int, Any]:
        async with self._session.request(
            method,
            self._url + path,
            json=body,
            data=data,
            headers=HEADERS if headers is None else headers,
        ) as response:
            text = await response.text()
            return response.status, await response.json() if text else None

    async def header(self, method: str, path: str, body: Any, name: str) -> str:
        """Return one header of the answer."""
        async with self._session.request(
            method, self._url + path, json=body, headers=HEADERS
        ) as response:
            assert response.ok
            return response.headers[name]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


async def registry_of(store: SqliteRegistryStore) -> Registry:
    registry = Registry()
    fixed = {"resource": "/iot/json", "apikey": "fixed", "entity_type": "Sensor"}
    registry.add_group(group_from(fixed, "city", "/parks", "group"), fixed=True)
    registry.fill(*await store.load())
    return registry


@pytest.fixture
async def api(tmp_path: Path, session: aiohttp.ClientSession) -> AsyncIterator[Api]:
    async with (
        adapter_context(None, broker="http://127.0.0.1:1", data=tmp_path) as context,
        Store(context.data) as files,
    ):
        store = SqliteRegistryStore(files, "mqtt")
        provisioning = Provisioning(await registry_of(store), store)
        table = routes(provisioning, context.health)
        async with serve(table, host="127.0.0.1", port=0) as address:
            yield Api(session, f"http://127.0.0.1:{address.port}")


async def stored(data: Path) -> Registry:
    """Return what a restart would find."""
    async with Store(data) as files:
        return await registry_of(SqliteRegistryStore(files, "mqtt"))


async def test_groups_are_created_listed_changed_and_deleted(api: Api, tmp_path: Path) -> None:
    assert await api("POST", "/iot/groups", {"groups": [GROUP]}) == (201, {})
    status, listed = await api("GET", "/iot/groups")
    assert (status, listed["count"]) == (200, 2)
    shown = next(one for one in listed["groups"] if one["apikey"] == "k1")
    assert shown == {**GROUP, "type": "Sensor", "service": "city", "subservice": "/parks"}
    path = "/iot/groups?resource=/iot/json&apikey=k1"
    assert await api("PUT", path, {"timezone": "Asia/Tokyo"}) == (204, None)
    found = (await stored(tmp_path / "test")).group("/iot/json", "k1")
    assert found is not None
    assert found.document == {"entity_type": "Sensor", "timezone": "Asia/Tokyo"}
    assert await api("DELETE", path) == (204, None)
    assert (await stored(tmp_path / "test")).group("/iot/json", "k1") is None
    assert (await api("GET", "/iot/groups"))[1]["count"] == 1


async def test_the_old_form_of_groups(api: Api) -> None:
    assert await api("POST", "/iot/services", {"services": [{**GROUP, "type": "Old"}]}) == (201, {})
    _, listed = await api("GET", "/iot/services")
    assert {one["apikey"] for one in listed["services"]} == {"fixed", "k1"}


async def test_devices_are_created_listed_changed_and_deleted(api: Api, tmp_path: Path) -> None:
    assert await api("POST", "/iot/devices", {"devices": [DEVICE]}) == (201, {})
    status, shown = await api("GET", "/iot/devices/d1")
    assert status == 200
    assert shown["entity_name"] == "urn:ngsi-ld:Sensor:one"
    assert (shown["service"], shown["service_path"], shown["attributes"]) == ("city", "/parks", [])
    attributes = [{"object_id": "t", "name": "temperature", "type": "Number"}]
    assert await api("PUT", "/iot/devices/d1", {"attributes": attributes}) == (204, None)
    (found,) = (await stored(tmp_path / "test")).devices("city", "/parks")
    assert found.document["attributes"] == attributes
    assert (await api("GET", "/iot/devices"))[1]["count"] == 1
    assert await api("DELETE", "/iot/devices/d1") == (204, None)
    assert (await api("GET", "/iot/devices/d1"))[0] == 404


async def test_devices_are_paged_and_counted(api: Api) -> None:
    devices = [{"device_id": f"d{number:02}", "apikey": "k"} for number in range(30)]
    assert await api("POST", "/iot/devices", {"devices": devices}) == (201, {})
    _, page = await api("GET", "/iot/devices?offset=20&limit=5")
    assert page["count"] == 30
    assert [one["device_id"] for one in page["devices"]] == [f"d{n}" for n in range(20, 25)]


async def test_all_devices_are_listed_where_no_limit_is_stated(api: Api) -> None:
    devices = [{"device_id": f"d{number}", "apikey": "k"} for number in range(1200)]
    await api("POST", "/iot/devices", {"devices": devices})
    _, page = await api("GET", "/iot/devices")
    assert page["count"] == len(page["devices"]) == 1200
    _, page = await api("GET", "/iot/devices?limit=1100&offset=50")
    assert len(page["devices"]) == 1100


@pytest.mark.parametrize("bad", ["a/b", "a#", "+", "a\x00", "d" * 1001, 5])
@pytest.mark.parametrize("member", ["device_id", "apikey"])
async def test_a_device_no_topic_can_name_is_refused(api: Api, member: str, bad: Any) -> None:
    status, problem = await api("POST", "/iot/devices", {"devices": [{**DEVICE, member: bad}]})
    assert (status, problem["name"]) == (400, "WRONG_SYNTAX")
    assert problem["message"].startswith(f"devices[0].{member} ")
    assert (await api("GET", "/iot/devices"))[1]["count"] == 0


@pytest.mark.parametrize("path", ["/iot/devices", "/iot/groups"])
async def test_a_list_says_which_parameters_it_does_not_know(api: Api, path: str) -> None:
    told = await api.header(
        "GET", f"{path}?limit=5&detailed=on&protocol=x&entity=y", None, "Warning"
    )
    assert told == '299 - "query parameters not carried out: entity, protocol"'


@pytest.mark.parametrize(
    ("member", "value", "is_told"),
    [
        ("transport", "MQTT", False),
        ("transport", "AMQP", True),
        ("ngsiVersion", "ld", False),
        ("ngsiVersion", "v2", True),
        ("timestamp", True, False),
        ("timestamp", False, True),
        ("storeLastMeasure", True, True),
    ],
)
async def test_what_has_no_effect_is_told(
    api: Api, member: str, value: Any, *, is_told: bool
) -> None:
    _, answer = await api("POST", "/iot/devices", {"devices": [{**DEVICE, member: value}]})
    assert bool(answer.get("warnings")) is is_told
    assert (await api("GET", "/iot/devices/d1"))[1][member] == value


async def test_groups_are_paged_and_counted(api: Api) -> None:
    groups = [{**GROUP, "apikey": f"key{number}"} for number in range(5)]
    await api("POST", "/iot/groups", {"groups": groups})
    _, whole = await api("GET", "/iot/groups")
    _, page = await api("GET", "/iot/groups?limit=2&offset=1")
    assert page == {"count": whole["count"], "groups": whole["groups"][1:3]}


async def test_several_devices_are_deleted_at_once(api: Api) -> None:
    devices = [{"device_id": f"d{number}", "apikey": "k"} for number in range(3)]
    await api("POST", "/iot/devices", {"devices": devices})
    wanted = [{"deviceId": "d0", "apikey": "k"}, {"deviceId": "d9", "apikey": "k"}]
    status, problem = await api("POST", "/iot/op/delete", {"devices": wanted})
    assert (status, problem["name"]) == (404, "DEVICE_NOT_FOUND")
    assert "d9" in problem["message"]
    assert (await api("GET", "/iot/devices"))[1]["count"] == 2


async def test_a_device_without_apikey_gets_that_of_its_only_group(api: Api) -> None:
    await api("POST", "/iot/groups", {"groups": [GROUP]}, headers=OTHER)
    await api("POST", "/iot/devices", {"devices": [{"device_id": "d1"}]}, headers=OTHER)
    assert (await api("GET", "/iot/devices/d1", headers=OTHER))[1]["apikey"] == "k1"


async def test_services_do_not_see_each_other(api: Api) -> None:
    await api("POST", "/iot/devices", {"devices": [DEVICE]})
    assert (await api("GET", "/iot/devices/d1", headers=OTHER))[0] == 404
    assert (await api("GET", "/iot/groups", headers=OTHER))[1]["count"] == 0
    everywhere = {**HEADERS, "fiware-servicepath": "/*"}
    assert (await api("GET", "/iot/devices", headers=everywhere))[1]["count"] == 1


async def test_uniqueness(api: Api) -> None:
    await api("POST", "/iot/groups", {"groups": [GROUP]})
    status, problem = await api("POST", "/iot/groups", {"groups": [GROUP]}, headers=OTHER)
    assert (status, problem["name"]) == (409, "DUPLICATE_GROUP")
    await api("POST", "/iot/devices", {"devices": [DEVICE]})
    status, problem = await api("POST", "/iot/devices", {"devices": [DEVICE]})
    assert (status, problem["name"]) == (409, "DUPLICATE_DEVICE_ID")
    same_id = {"device_id": "d1", "apikey": "k2"}
    assert (await api("POST", "/iot/devices", {"devices": [same_id]}))[0] == 201
    status, problem = await api("GET", "/iot/devices/d1")
    assert (status, problem["name"]) == (400, "BAD_REQUEST")
    assert "k1, k2" in problem["message"]
    assert (await api("GET", "/iot/devices/d1?apikey=k2"))[0] == 200


async def test_a_request_is_carried_out_as_a_whole_or_not_at_all(api: Api) -> None:
    twice = [{"device_id": "d1", "apikey": "k"}, {"device_id": "d1", "apikey": "k"}]
    assert (await api("POST", "/iot/devices", {"devices": twice}))[0] == 409
    bad = [GROUP, {"resource": "/iot/json"}]
    assert (await api("POST", "/iot/groups", {"groups": bad}))[0] == 400
    assert (await api("GET", "/iot/devices"))[1]["count"] == 0
    assert (await api("GET", "/iot/groups"))[1]["count"] == 1


def attribute(**more: Any) -> dict[str, Any]:
    return {"groups": [{**GROUP, "attributes": [{"name": "t", "type": "Number", **more}]}]}


BAD_GROUPS: dict[str, tuple[Any, str]] = {
    "no list": ({}, '{"groups": [{…}]}'),
    "an empty list": ({"groups": []}, "at least one element"),
    "a list of texts": ({"groups": ["x"]}, "groups[0] should be an object"),
    "the wrong member": ({"services": [GROUP]}, '{"groups": [{…}]}'),
    "an array": ([GROUP], "should be a JSON object"),
    "no resource": ({"groups": [{"apikey": "k"}]}, "groups[0] has no resource"),
    "no apikey": ({"groups": [{"resource": "/r"}]}, "groups[0] has no apikey"),
    "an apikey no topic can carry": (
        {"groups": [{"resource": "/r", "apikey": "a/b+"}]},
        "groups[0].apikey is 'a/b+'; it should be a text without '/+'",
    ),
    "an apikey that is too long": (
        {"groups": [{"resource": "/r", "apikey": "k" * 1001}]},
        "apikey has 1001 characters",
    ),
    "an apikey with a control character": (
        {"groups": [{"resource": "/r", "apikey": "k\n"}]},
        "control characters",
    ),
    "an empty apikey": ({"groups": [{"resource": "/r", "apikey": ""}]}, "apikey is empty"),
    "attributes no list": ({"groups": [{**GROUP, "attributes": {}}]}, "should be an array"),
    "an attribute without name": ({"groups": [{**GROUP, "attributes": [{}]}]}, "has no name"),
    "a name with a blank": (attribute(name="a b"), "a name begins with a letter"),
    "a type that is no text": (attribute(type=5), "attributes[0].type should be a text"),
    "metadata no object": (attribute(metadata=[]), "metadata should be an object"),
    "a bad expression": (attribute(expression="t *"), "the expression ends at 4"),
    "an expression of the old language": (attribute(expression="${@t * 2}"), "old language"),
    "an unknown transformation": (attribute(expression="t|sqrt"), "'sqrt' does not exist"),
    "a bad entityNameExp": ({"groups": [{**GROUP, "entityNameExp": "id +"}]}, "entityNameExp"),
    "a bad explicitAttrs": ({"groups": [{**GROUP, "explicitAttrs": "['a'"}]}, "explicitAttrs"),
    "a bad timezone": ({"groups": [{**GROUP, "timezone": "Tokyo"}]}, "as in Asia/Tokyo"),
    "a bad payloadType": ({"groups": [{**GROUP, "payloadType": "xml"}]}, "iotagent, ngsiv2"),
    "autoprovision as text": ({"groups": [{**GROUP, "autoprovision": "no"}]}, "true or false"),
    "a static attribute without value": (
        {"groups": [{**GROUP, "static_attributes": [{"name": "a", "type": "Text"}]}]},
        "static_attributes[0] (a) has no value",
    ),
    "a static attribute that is not of its type": (
        {
            "groups": [
                {**GROUP, "static_attributes": [{"name": "a", "type": "Number", "value": {}}]}
            ]
        },
        "groups[0].static_attributes: a is {}, which is not a number",
    ),
    "a type that is no name": ({"groups": [{**GROUP, "entity_type": "My Type"}]}, "entity_type"),
}


@pytest.mark.parametrize(("body", "reason"), BAD_GROUPS.values(), ids=BAD_GROUPS.keys())
async def test_bad_groups_are_refused_with_the_place(api: Api, body: Any, reason: str) -> None:
    status, problem = await api("POST", "/iot/groups", body)
    assert (status, problem["name"]) == (400, "WRONG_SYNTAX")
    assert reason in problem["message"]


async def test_a_body_that_is_no_json(api: Api) -> None:
    for data in (b"{", b""):
        status, problem = await api("POST", "/iot/devices", data=data)
        assert (status, problem["name"]) == (400, "WRONG_SYNTAX")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "fiware-service, fiware-servicepath"),
        ({"fiware-service": "city"}, "missing: fiware-servicepath"),
        ({**HEADERS, "fiware-service": "a b"}, "name of the tenant"),
        ({**HEADERS, "fiware-servicepath": "parks"}, "such as /city/parks"),
    ],
)
async def test_headers_are_checked(api: Api, headers: dict[str, str], reason: str) -> None:
    status, problem = await api("GET", "/iot/groups", headers=headers)
    assert (status, problem["name"]) == (400, "MISSING_HEADERS")
    assert reason in problem["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/iot/devices", {"devices": [{}]}, (400, "MISSING_ATTRIBUTES")),
        ("POST", "/iot/devices", {"devices": [{"device_id": "a/b"}]}, (400, "WRONG_SYNTAX")),
        ("GET", "/iot/devices/none", None, (404, "DEVICE_NOT_FOUND")),
        ("PUT", "/iot/devices/none", {}, (404, "DEVICE_NOT_FOUND")),
        ("DELETE", "/iot/devices/none", None, (404, "DEVICE_NOT_FOUND")),
        ("GET", "/iot/devices?limit=0", None, (400, "BAD_REQUEST")),
        ("PUT", "/iot/groups", {}, (400, "MISSING_HEADERS")),
        ("PUT", "/iot/groups?resource=/r&apikey=none", {}, (404, "DEVICE_GROUP_NOT_FOUND")),
        ("DELETE", "/iot/groups?resource=/r&apikey=none", None, (404, "DEVICE_GROUP_NOT_FOUND")),
        ("DELETE", "/iot/groups?resource=/iot/json&apikey=fixed", None, (400, "BAD_REQUEST")),
        ("POST", "/iot/op/delete", {"devices": [{}]}, (400, "WRONG_SYNTAX")),
    ],
)
async def test_errors_have_the_form_of_the_iot_agents(
    api: Api, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    status, problem = await api(method, path, body)
    assert (status, problem["name"]) == expected
    assert problem["message"]


async def test_what_identifies_a_group_or_device_cannot_be_changed(api: Api) -> None:
    await api("POST", "/iot/groups", {"groups": [GROUP]})
    await api("POST", "/iot/devices", {"devices": [DEVICE]})
    path = "/iot/groups?resource=/iot/json&apikey=k1"
    assert (await api("PUT", path, {"apikey": "other"}))[0] == 400
    assert (await api("PUT", "/iot/devices/d1", {"device_id": "other"}))[0] == 400
    assert (await api("PUT", path, {"timezone": "nowhere"}))[0] == 400
    assert (await api("DELETE", path, headers=OTHER))[1]["name"] == "MISMATCHED_SERVICE"


async def test_a_group_goes_with_its_devices_when_asked(api: Api) -> None:
    await api("POST", "/iot/groups", {"groups": [GROUP]})
    await api("POST", "/iot/devices", {"devices": [DEVICE]})
    path = "/iot/groups?resource=/iot/json&apikey=k1&device=true"
    assert await api("DELETE", path) == (204, None)
    assert (await api("GET", "/iot/devices"))[1]["count"] == 0


async def test_about_says_the_version(api: Api) -> None:
    status, about = await api("GET", "/iot/about", headers={})
    assert (status, bool(about["version"])) == (200, True)


@pytest.fixture
async def broker() -> AsyncIterator[TestBroker]:
    async with TestBroker().running() as one:
        yield one


WITH_STATIC = {
    "resource": "/iot/json",
    "apikey": "static",
    "entity_type": "Sensor",
    "attributes": [{"object_id": "t", "name": "t", "type": "Number"}],
    "static_attributes": [{"name": "town", "type": "Text", "value": "Yaizu"}],
}


@pytest.fixture
async def south(
    tmp_path: Path, broker: TestBroker, session: aiohttp.ClientSession
) -> AsyncIterator[Api]:
    registry = Registry()
    for resource in ("/iot/json", "/iot/d", "/my/own"):
        document = {"resource": resource, "apikey": "k", "entity_type": "Sensor"}
        registry.add_group(group_from(document, "", "/", "group"))
    registry.add_group(group_from(WITH_STATIC, "", "/", "group"))
    async with (
        adapter_context(None, broker=broker.url, data=tmp_path) as context,
        Ledger(context.data / "ledger.sqlite3", "test") as ledger,
    ):
        outlets = Outlets(
            writers=context.writers,
            validation=context.validation,
            dead_letters=context.dead_letters,
            ledger=ledger,
            health=context.health,
            clock=context.clock,
        )
        table = measures_routes(MessageReader(Router(IOT_AGENT_RULES), registry), outlets)
        async with serve(table, host="127.0.0.1", port=0) as address:
            yield Api(session, f"http://127.0.0.1:{address.port}")


ID = "urn:ngsi-ld:Sensor:d1"


async def test_measures_over_http_are_stored_when_the_answer_comes(
    south: Api, broker: TestBroker
) -> None:
    assert await south("POST", "/iot/json?k=k&i=d1", {"t": 21}) == (200, {})
    assert broker.entities[ID]["t"]["value"] == 21
    path = "/iot/d?k=k&i=d1&t=2026-01-01T00:00:00Z&d=t%7C22"
    assert (await south("GET", path))[0] == 200
    assert broker.entities[ID]["t"]["value"] == 22
    assert broker.entities[ID]["t"]["observedAt"] == "2026-01-01T00:00:00Z"
    assert (await south("POST", "/iot/d?k=k&i=d1", data=b"t|23#t|24"))[0] == 200
    assert broker.entities[ID]["t"]["value"] == 24
    assert (await south("POST", "/my/own?k=k&i=d1", {"t": 25}))[0] == 200
    assert broker.entities[ID]["t"]["value"] == 25


async def test_a_device_is_told_when_nothing_of_its_measure_is_stored(
    south: Api, broker: TestBroker
) -> None:
    for measure, reason in (
        ({"t": None}, "null is no value (t)"),
        ({"TimeInstant": "2026-01-01T00:00:00Z"}, "it holds a time and no value"),
    ):
        status, answer = await south("POST", "/iot/json?k=k&i=d1", measure)
        assert status == 200
        assert reason in answer["warnings"][0]
    assert not broker.entities


@pytest.mark.parametrize(
    ("media_type", "data", "expected"),
    [
        ("application/json", b"21.5", 21.5),
        ("text/plain", b"21.5", "21.5"),
        ("application/octet-stream", b"hello", "68656c6c6f"),
    ],
)
async def test_single_values_over_http(
    south: Api, broker: TestBroker, media_type: str, data: bytes, expected: Any
) -> None:
    headers = {"Content-Type": media_type}
    path = "/iot/json/attrs/x?k=k&i=d1"
    assert (await south("POST", path, data=data, headers=headers))[0] == 200
    assert broker.entities[ID]["x"]["value"] == expected


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("/iot/json", b"{}", "missing: k, i"),
        ("/iot/json?k=k", b"{}", "missing: i"),
        ("/iot/json?k=other&i=d1", b'{"t":1}', "no group has the apikey 'other'"),
        ("/iot/json?k=k&i=d1", b"{", "not JSON"),
        ("/iot/json?k=k&i=d1&t=x", b'{"t":1}', "t is 'x'"),
        ("/iot/d?k=k&i=d1", b"t", "odd number of parts"),
        ("/iot/json/commands?k=k&i=d1", b'{"ring":"done"}', "there is no result to report"),
        ("/iot/json/configuration?k=k&i=d1", b'{"fields":["a"]}', "nor their configuration"),
    ],
)
async def test_bad_measures_over_http_are_refused(
    south: Api, broker: TestBroker, path: str, data: bytes, reason: str
) -> None:
    status, problem = await south("POST", path, data=data)
    assert status == 400
    assert reason in problem["message"]
    assert not broker.entities


async def test_static_attributes_come_back_over_http_too(south: Api, broker: TestBroker) -> None:
    path = "/iot/json?k=static&i=d1"
    assert (await south("POST", path, {"t": "warm"}))[0] == 400
    assert (await south("POST", path, {"t": 1}))[0] == 200
    assert broker.entities[ID]["town"]["value"] == "Yaizu"
    broker.entities.clear()
    for _ in range(2):
        assert (await south("POST", path, {"t": 2}))[0] == 200
    assert broker.entities[ID]["town"]["value"] == "Yaizu"


async def test_a_refusal_of_the_broker_reaches_the_device(south: Api, broker: TestBroker) -> None:
    broker.refuse(ID, "no such sensor")
    status, problem = await south("POST", "/iot/json?k=k&i=d1", {"t": 21})
    assert (status, problem["name"]) == (400, "BAD_REQUEST")
    assert "no such sensor" in problem["message"]


async def test_what_is_not_carried_out_is_said_in_the_answer(api: Api) -> None:
    group = {**GROUP, "commands": [{"name": "ring", "type": "command"}], "lazy": []}
    status, body = await api("POST", "/iot/groups", {"groups": [group]})
    assert status == 201
    (warning,) = body["warnings"]
    assert warning.startswith("groups[0].commands is kept but not carried out: no command is")
    _, listed = await api("GET", "/iot/groups")
    (shown,) = [one for one in listed["groups"] if one["apikey"] == GROUP["apikey"]]
    assert shown["commands"] == group["commands"]
    device = {"device_id": "bell", "apikey": "k1", "endpoint": "http://127.0.0.1:9/"}
    status, body = await api("POST", "/iot/devices", {"devices": [DEVICE, device]})
    assert (status, len(body["warnings"])) == (201, 1)
    assert body["warnings"][0].startswith("devices[1].endpoint ")
    assert await api("POST", "/iot/devices", {"devices": [{**DEVICE, "device_id": "d9"}]}) == (
        201,
        {},
    )
    header = await api.header("PUT", "/iot/devices/bell", {"cmdMode": "legacy"}, "Warning")
    assert header.startswith('299 - "body.cmdMode is kept but not carried out')
