"""The protocol of an endpoint is that of its URI."""

from __future__ import annotations

import pytest

from broker.model.subscription import Endpoint
from broker.subscriptions.senders.sender import DELIVERED, Message, Outcome, SenderByScheme

MESSAGE = Message(b"{}", "application/json")


class Noted:
    """Delivers, and notes to where."""

    def __init__(self) -> None:
        self.uris: list[str] = []

    async def send(self, endpoint: Endpoint, _message: Message) -> Outcome:
        self.uris.append(endpoint.uri)
        return DELIVERED


@pytest.mark.parametrize("uri", ["http://a.example/x", "HTTP://a.example/x"])
async def test_it_is_sent_by_the_protocol_the_uri_names(uri: str) -> None:
    http, mqtt = Noted(), Noted()
    sender = SenderByScheme({"http": http, "mqtt": mqtt})
    assert await sender.send(Endpoint(uri), MESSAGE) is DELIVERED
    assert (http.uris, mqtt.uris) == ([uri], [])


async def test_an_endpoint_of_another_kind_rejects_it() -> None:
    outcome = await SenderByScheme({"http": Noted()}).send(Endpoint("coap://a.example/"), MESSAGE)
    assert outcome.verdict == "rejected"
    assert outcome.failure == "the broker has no sender for this kind of endpoint"


@pytest.mark.parametrize(
    ("outcome", "failure"),
    [
        (DELIVERED, None),
        (Outcome("try again", "status 500"), "status 500"),
        (Outcome("rejected"), "not delivered"),
    ],
)
def test_a_failure_has_a_reason(outcome: Outcome, failure: str | None) -> None:
    assert outcome.failure == failure
