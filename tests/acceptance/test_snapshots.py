"""The processes of a node are killed: snapshots are finished all the same, maps are still there."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.nodes import RunningNode, eventually
from tests.patience import PATIENCE

pytestmark = pytest.mark.timeout(600)

ENTITIES = 20_000


@pytest.fixture
def node(tmp_path: Path):
    with RunningNode(
        tmp_path / "data",
        MUTSURA_SERVER_WORKERS="2",
        MUTSURA_LIMITS_PAGE_SIZE_MAX="5000",
        MUTSURA_ENGINE_LEASE="1",
    ) as running:
        yield running


def send(node, method, path, body=None, **headers):
    """Send a request; return its headers and its body."""
    data = None if body is None else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"{node.url}/ngsi-ld/v1{path}",
        method=method,
        data=data,
        headers={"Content-Type": "application/json"} | given if data else given,
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.headers, answer.read()


def create(node, count):
    for first in range(0, count, 5000):
        bodies = [
            {"id": f"urn:ngsi-ld:T:{n:06}", "type": "T", "p": n} for n in range(first, first + 5000)
        ]
        send(node, "POST", "/entityOperations/create", bodies)


def database_of(node):
    port = (node.data / "mongodb" / "port").read_text().strip()
    return MongoClient(f"mongodb://127.0.0.1:{port}/?directConnection=true")


def test_a_snapshot_is_filled_though_the_engine_is_killed_meanwhile(node):
    create(node, ENTITIES)
    snapshot = {
        "type": "Snapshot",
        "snapshotQueries": [{"type": "Query", "entities": [{"type": "T"}]}],
    }
    headers, _ = send(node, "POST", "/snapshots", snapshot)
    path = headers["Location"].removeprefix("/ngsi-ld/v1")
    with database_of(node) as client:
        eventually(lambda: 0 < copied(client) < ENTITIES)
    engines = node.processes("engine")
    assert engines
    for process in engines:
        process.kill()
    assert status_of(node, path) == "preparing"
    eventually(lambda: status_of(node, path) != "preparing")
    assert status_of(node, path) == "success"
    snapshot_id = path.rpartition("/")[2]
    headers, _ = send(node, "GET", "/entities?limit=0&count=true", NGSILD_Snapshot=snapshot_id)
    assert headers["NGSILD-Results-Count"] == str(ENTITIES)


def status_of(node, path):
    return json.loads(send(node, "GET", path)[1])["snapshotStatus"]


def copied(client):
    """Return how many entities are in the space of the one snapshot there is."""
    spaces = [name for name in client.list_database_names() if "~" in name]
    return sum(client[name]["entities"].estimated_document_count() for name in spaces)


def test_an_entity_map_is_paged_on_by_the_workers_that_come_after(node):
    create(node, 5000)
    headers, body = send(node, "GET", "/entities?type=T&limit=1500&entityMap=true")
    seen = [entity["id"] for entity in json.loads(body)]
    for process in node.processes("worker"):
        process.kill()
    time.sleep(0.5)
    eventually(lambda: node.status("/ready") == 200)
    while (path := following(headers)) is not None:
        headers, body = send(node, "GET", path)
        seen += [entity["id"] for entity in json.loads(body)]
    assert seen == [f"urn:ngsi-ld:T:{n:06}" for n in range(5000)]


def following(headers):
    for link in headers.get_all("Link") or []:
        if 'rel="next"' in link:
            return link.partition(">")[0].lstrip("<").removeprefix("/ngsi-ld/v1")
    return None
