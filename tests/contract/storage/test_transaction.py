"""What commands sent without waiting promise: all of them or none, and nobody held up afterwards.

These tests also try the parts of PyMongo that `transaction.py` uses beyond its documented
interface: a release of PyMongo is admitted in pyproject.toml when they pass with it.
"""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import ConnectionFailure, DocumentTooLarge, OperationFailure

from broker.storage.mongo.conversation import Loan
from broker.storage.mongo.transaction import Transactions
from tests.patience import PATIENCE

DUPLICATE_KEY = 11000
WRITE_CONFLICT = 112
NO_SUCH_TRANSACTION = 251


@pytest.fixture
async def database(databases):
    database = databases.of("")
    await database.create_collection("entities")
    await database.create_collection("changes")
    return database


@pytest.fixture
def transactions(client):
    return Transactions(client)


@pytest.fixture
async def loan(client):
    loan = Loan(client)
    yield loan
    await loan.give_back()


def an_insert(collection, *ids, **members):
    return {"insert": collection, "documents": [{"_id": one, **members} for one in ids]}


async def commit(transactions, database, *commands):
    loan = Loan(database.client)
    try:
        async with transactions.begin(database, loan) as transaction:
            for command in commands:
                await transaction.send(dict(command))
            await transaction.commit()
    finally:
        await loan.give_back()


async def ids_in(database, collection):
    return sorted([document["_id"] async for document in database[collection].find()])


async def test_all_that_was_sent_is_there_after_the_commit(transactions, database, loan):
    async with transactions.begin(database, loan) as transaction:
        await transaction.send(an_insert("changes", 1, 2))
        await transaction.send(an_insert("entities", "a", v=1))
        await transaction.send(
            {"update": "entities", "updates": [{"q": {"_id": "a"}, "u": {"$set": {"v": 2}}}]}
        )
        assert await ids_in(database, "changes") == []
        await transaction.commit()
    assert await ids_in(database, "changes") == [1, 2]
    assert await database["entities"].find_one() == {"_id": "a", "v": 2}


async def test_a_read_sees_what_was_sent_before_it(transactions, database, loan):
    async with transactions.begin(database, loan) as transaction:
        await transaction.send(an_insert("entities", "a", "b", v=7))
        found = await transaction.find("entities", {"_id": {"$in": ["b", "c"]}}, {"v": 1})
        assert found == [{"_id": "b", "v": 7}]
        await transaction.abort()
    assert await ids_in(database, "entities") == []


async def test_a_read_returns_all_there_is(transactions, database, loan):
    await database["entities"].insert_many([{"_id": n, "x": "y" * 9_000} for n in range(2_500)])
    async with transactions.begin(database, loan) as transaction:
        found = await transaction.find("entities", {})
        await transaction.abort()
    assert [document["_id"] for document in found] == list(range(2_500))


async def test_nothing_is_stored_when_a_command_in_the_middle_fails(transactions, database):
    await database["entities"].insert_one({"_id": "there"})
    commands = [
        an_insert("changes", 1),
        an_insert("entities", "new", "there"),
        an_insert("changes", 2),
    ]
    with pytest.raises(OperationFailure) as failed:
        await commit(transactions, database, *commands)
    assert failed.value.code == DUPLICATE_KEY
    assert await ids_in(database, "changes") == []
    assert await ids_in(database, "entities") == ["there"]


async def test_of_two_that_change_the_same_the_second_fails(transactions, database, loan):
    change = {"update": "entities", "updates": [{"q": {"_id": "a"}, "u": {"$inc": {"v": 1}}}]}
    await database["entities"].insert_one({"_id": "a", "v": 0})
    async with transactions.begin(database, loan) as first:
        await first.send(dict(change))
        await first.find("entities", {"_id": "a"})
        with pytest.raises(OperationFailure) as failed:
            await commit(transactions, database, change)
        await first.commit()
    assert failed.value.code == WRITE_CONFLICT
    assert failed.value.has_error_label("TransientTransactionError")
    assert await database["entities"].find_one() == {"_id": "a", "v": 1}


@pytest.mark.parametrize("interruption", [ValueError, asyncio.CancelledError])
async def test_what_a_block_that_raises_had_written_is_free_at_once(
    transactions, database, loan, interruption
):
    async def interrupted():
        async with transactions.begin(database, loan) as transaction:
            await transaction.send(an_insert("entities", "a"))
            raise interruption

    with pytest.raises(interruption):
        await interrupted()
    async with asyncio.timeout(PATIENCE):
        await commit(transactions, database, an_insert("entities", "a", v=2))
    assert await database["entities"].find_one() == {"_id": "a", "v": 2}


async def test_what_no_server_takes_is_refused_and_undoes_the_rest(transactions, database):
    for too_large in (
        an_insert("entities", "a", x="x" * 17_000_000),
        an_insert("entities", *range(4), x="x" * 13_000_000),
    ):
        with pytest.raises(DocumentTooLarge):
            await commit(transactions, database, an_insert("changes", 1), too_large)
    assert await ids_in(database, "changes") == []


async def test_a_connection_that_breaks_leaves_a_transaction_that_can_be_put_to_rest(
    transactions, database, loan
):
    begun = []

    async def cut_off():
        async with transactions.begin(database, loan) as transaction:
            begun.append(transaction)
            await transaction.send(an_insert("entities", "a"))
            await transaction.find("entities", {})
            transaction.connection.conn.get_conn.transport.abort()
            await transaction.commit()

    with pytest.raises(ConnectionFailure):
        await cut_off()
    await transactions.put_to_rest(*begun)
    async with asyncio.timeout(PATIENCE):
        await commit(transactions, database, an_insert("entities", "a", v=2))
    assert await database["entities"].find_one() == {"_id": "a", "v": 2}


async def test_what_was_put_to_rest_will_never_be_committed(transactions, database, loan):
    async def late():
        async with transactions.begin(database, loan) as transaction:
            await transaction.send(an_insert("entities", "a"))
            await transaction.find("entities", {})
            await transactions.put_to_rest(transaction)
            await transaction.commit()

    with pytest.raises(OperationFailure) as failed:
        await late()
    assert failed.value.code == NO_SUCH_TRANSACTION
    assert await ids_in(database, "entities") == []


async def test_what_was_committed_can_be_put_to_rest(transactions, database, loan):
    async with transactions.begin(database, loan) as transaction:
        await transaction.send(an_insert("entities", "a"))
        await transaction.commit()
    await transactions.put_to_rest(transaction)
    assert await ids_in(database, "entities") == ["a"]


async def test_many_at_once_and_one_after_another(transactions, database):
    async def write(number):
        for step in range(5):
            await commit(transactions, database, an_insert("changes", f"{number}/{step}"))

    await asyncio.gather(*[write(number) for number in range(8)])
    assert len(await ids_in(database, "changes")) == 40
