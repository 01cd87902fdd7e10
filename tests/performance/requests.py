"""The requests of each scenario, ready to be written to a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.request import Request, urlopen

ENTITIES = "/ngsi-ld/v1/entities"
TYPE = "Station"


def request(method: str, path: str, body: object = None) -> bytes:
    """Return an HTTP/1.1 request on a connection that stays open."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    content = json.dumps(body).encode()
    return (
        f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        + content
    )


def entity_id(number: int) -> str:
    """Return the id of an entity of the benchmark."""
    return f"urn:ngsi-ld:{TYPE}:{number:06d}"


def entity(number: int) -> dict[str, object]:
    """Return an entity with four attributes, one of them a place."""
    return {
        "id": entity_id(number),
        "type": TYPE,
        "temperature": {"type": "Property", "value": number % 5000 / 100, "unitCode": "CEL"},
        "humidity": {"type": "Property", "value": number % 100, "unitCode": "P1"},
        "name": {"type": "Property", "value": f"Station {number}"},
        "location": {
            "type": "GeoProperty",
            "value": {
                "type": "Point",
                "coordinates": [139 + number % 100 / 100, 35 + number // 100 % 100 / 100],
            },
        },
    }


def measures(number: int) -> dict[str, object]:
    """Return new values of two attributes."""
    return {
        "temperature": {"type": "Property", "value": number % 7919 / 100, "unitCode": "CEL"},
        "humidity": {"type": "Property", "value": number % 97, "unitCode": "P1"},
    }


def _create(number: int) -> bytes:
    return request("POST", ENTITIES, entity(number))


def _patch(number: int) -> bytes:
    return request("PATCH", f"{ENTITIES}/{entity_id(number * 7919 % 1000)}/attrs", measures(number))


def _get(number: int) -> bytes:
    return request("GET", f"{ENTITIES}/{entity_id(number * 7919 % 10_000)}")


def _query(number: int) -> bytes:
    low = number * 7919 % 4980 / 100  # 20 of 10,000 entities lie in any 0.1 of 50 degrees
    return request(
        "GET", f"{ENTITIES}?type={TYPE}&q=temperature%3E={low:.2f};temperature%3C{low + 0.1:.2f}"
    )


def _bare(number: int) -> bytes:
    return request("POST", "/bare", measures(number))


SOURCES: Mapping[str, Callable[[int], bytes]] = {
    "create": _create,
    "patch": _patch,
    "get": _get,
    "query": _query,
    "bare": _bare,
}


def source(name: str, first: int, count: int) -> Iterator[bytes]:
    """Return the requests of a scenario, numbered from `first`."""
    make = SOURCES[name]
    return iter([make(number) for number in range(first, first + count)])


@dataclass(frozen=True)
class CreatedSubscription:
    """A subscription, to be deleted after use."""

    url: str

    def delete(self) -> None:
        """Delete it."""
        with urlopen(Request(self.url, method="DELETE")):
            pass


def create_subscription(port: int, entity_type: str, endpoint: str) -> CreatedSubscription:
    """Subscribe to every change of a type."""
    body = {
        "type": "Subscription",
        "entities": [{"type": entity_type}],
        "notification": {"endpoint": {"uri": endpoint, "accept": "application/json"}},
    }
    url = f"http://127.0.0.1:{port}/ngsi-ld/v1/subscriptions"
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(body).encode(), headers, method="POST")) as answer:
        return CreatedSubscription(f"http://127.0.0.1:{port}{answer.headers['Location']}")
