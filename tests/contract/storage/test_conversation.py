"""What a conversation over a borrowed connection promises.

These tests also try the parts of PyMongo that `conversation.py` uses beyond its documented
interface: a release of PyMongo is admitted in pyproject.toml when they pass with it.
"""

from __future__ import annotations

import pytest
from pymongo.errors import ConnectionFailure, DocumentTooLarge, OperationFailure

from broker.storage.mongo.conversation import Conversation, borrow_connection

NOT_A_COMMAND = 59


@pytest.fixture
async def conversation(client, databases):
    async with await borrow_connection(client) as connection:
        yield Conversation(connection, databases.of(""))


def an_insert(*ids, **members):
    return {"insert": "entities", "documents": [{"_id": one, **members} for one in ids]}


async def test_answers_come_in_the_order_of_the_commands(conversation):
    await conversation.send(an_insert(1, 2))
    await conversation.send({"count": "entities"})
    await conversation.send({"delete": "entities", "deletes": [{"q": {"_id": 1}, "limit": 1}]})
    await conversation.send({"count": "entities"})
    assert [answer["n"] for answer in await conversation.answers()] == [2, 2, 1, 1]
    assert await conversation.answers() == []


async def test_a_find_returns_all_that_fulfil_the_condition(conversation):
    await conversation.send(an_insert(*range(2_500), x="y" * 9_000))
    await conversation.answers()
    found = await conversation.find("entities", {"_id": {"$gte": 10}}, {"_id": 1})
    assert sorted(document["_id"] for document in found) == list(range(10, 2_500))
    assert len(await conversation.find("entities", {})) == 2_500


async def test_the_first_failure_is_raised_and_the_conversation_goes_on(conversation):
    await conversation.send({"nonsense": 1})
    await conversation.send(an_insert(1))
    await conversation.send(an_insert(1))
    with pytest.raises(OperationFailure) as failed:
        await conversation.answers()
    assert failed.value.code == NOT_A_COMMAND
    assert await conversation.find("entities", {}) == [{"_id": 1}]


async def test_an_element_that_is_refused_is_a_failure(conversation):
    await conversation.send(an_insert(1, 1))
    with pytest.raises(OperationFailure, match="duplicate key"):
        await conversation.answers()


async def test_what_no_server_takes_is_not_sent(conversation):
    for too_large in (an_insert(1, x="x" * 17_000_000), an_insert(*range(4), x="x" * 13_000_000)):
        with pytest.raises(DocumentTooLarge):
            await conversation.send(too_large)
    assert await conversation.find("entities", {}) == []


async def test_a_connection_that_broke_is_told_and_not_lent_again(client, databases):
    async def cut_off():
        async with await borrow_connection(client) as connection:
            connection.conn.get_conn.transport.abort()
            await Conversation(connection, databases.of("")).find("entities", {})

    with pytest.raises(ConnectionFailure):
        await cut_off()
    async with await borrow_connection(client) as connection:
        assert await Conversation(connection, databases.of("")).find("entities", {}) == []


async def test_look_ups_go_on_when_a_connection_breaks(store, client):
    await store.fetch("", "urn:x:1")
    async with await borrow_connection(client) as connection:
        connection.conn.get_conn.transport.abort()
    assert await store.fetch("", "urn:x:1") is None
