"""What a conversation over a borrowed connection promises.

These tests also try the parts of PyMongo that `conversation.py` uses beyond its documented
interface: a release of PyMongo is admitted in pyproject.toml when they pass with it.
"""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    OperationFailure,
    WriteConcernError,
)

from broker.observability.tasks import spawn
from broker.storage.mongo.connection import connect
from broker.storage.mongo.conversation import Conversation, Loan, borrow_connection
from tests.patience import PATIENCE

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


async def test_outcomes_raise_the_first_failure_and_nothing_else(conversation):
    await conversation.send(an_insert(1, text="an error: writeErrors"))
    await conversation.outcome()
    await conversation.send(an_insert(2))
    await conversation.send({"nonsense": 1})
    await conversation.send(an_insert(1))
    with pytest.raises(OperationFailure) as failed:
        await conversation.outcome()
    assert failed.value.code == NOT_A_COMMAND
    await conversation.send(an_insert(1))
    with pytest.raises(OperationFailure, match="duplicate key"):
        await conversation.outcome()
    assert await conversation.find("entities", {}, {"_id": 1}) == [{"_id": 1}, {"_id": 2}]


async def test_an_outcome_that_is_not_written_as_wished_is_a_failure(conversation):
    impossible = {"w": 7, "wtimeout": 1}
    await conversation.send({**an_insert(1), "writeConcern": impossible})
    with pytest.raises(WriteConcernError):
        await conversation.outcome()


async def test_a_loan_goes_on_with_one_connection_until_it_is_given_back(databases):
    loan = Loan(databases.client)
    first = await loan.connection()
    assert await loan.connection() is first
    assert first.active
    await loan.give_back()
    assert not first.active
    assert (await loan.connection()).active
    await loan.give_back()
    await loan.give_back()


async def test_a_loan_that_lasts_long_lets_others_have_the_connection(mongodb_uri, monkeypatch):
    monkeypatch.setattr(f"{Loan.__module__}._LONGEST_LOAN", 0.0)
    client = connect(mongodb_uri, pool_size=1)
    loan = Loan(client)
    await loan.connection()
    other = spawn(client.admin.command("ping"), name="another command")
    await asyncio.sleep(0.05)
    assert not other.done()
    await loan.connection()
    await asyncio.wait_for(other, PATIENCE)
    await loan.give_back()
    await client.close()


async def test_after_a_connection_broke_a_loan_goes_on_with_another(client, databases):
    loan = Loan(client)
    broken = await loan.connection()
    broken.conn.get_conn.transport.abort()
    with pytest.raises(ConnectionFailure) as failed:
        await Conversation(broken, databases.of("")).find("entities", {})
    await loan.give_back(failed.value)
    connection = await loan.connection()
    assert connection is not broken
    assert await Conversation(connection, databases.of("")).find("entities", {}) == []
    await loan.give_back()
