"""The writer against a real HTTP server that carries out the batch operations."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from adapters.runtime.batch import Written
from adapters.runtime.broker_client import BrokerAddress, BrokerClient
from adapters.runtime.errors import NotWritten, Rejected, SkipRecord
from adapters.runtime.session import broker_session
from adapters.runtime.testing import TestBroker
from adapters.runtime.writer import Writer
from adapters.runtime.writing import WriterLimits

FAST = WriterLimits(first_pause=0.005, longest_pause=0.01)


def sensor(number, **attributes):
    return {"id": f"urn:ngsi-ld:Sensor:{number}", "type": "Sensor", **attributes}


@asynccontextmanager
async def writing(broker, *, tenant=None, context=None, **options):
    options.setdefault("limits", FAST)
    async with broker_session() as session:
        client = BrokerClient(session, BrokerAddress(broker.url, tenant, context))
        async with Writer(client, **options) as writer:
            yield writer


@pytest.fixture
async def broker():
    async with TestBroker().running() as running:
        yield running


async def submit_all(writer, entities):
    return [await writer.submit(one) for one in entities]


async def test_tells_created_from_updated(broker):
    async with writing(broker) as writer:
        assert await writer.write(sensor(1, t=1)) is Written.CREATED
        assert await writer.write(sensor(1, h=2)) is Written.UPDATED
    assert broker.entities["urn:ngsi-ld:Sensor:1"] == sensor(1, t=1, h=2)


async def test_what_arrives_meanwhile_goes_in_one_batch(broker):
    async with writing(broker) as writer:
        futures = await submit_all(writer, [sensor(n) for n in range(400)])
        assert set(await asyncio.gather(*futures)) == {Written.CREATED}
    assert sum(len(one) for one in broker.batches) == 400
    assert len(broker.batches) < 10


async def test_tenant_and_context_go_with_every_batch(broker):
    async with writing(broker, tenant="yaizu", context="https://example.org/c.jsonld") as writer:
        await writer.write(sensor(1))
    assert list(broker.tenants["yaizu"]) == ["urn:ngsi-ld:Sensor:1"]
    assert "https://example.org/c.jsonld" in broker.requests[0][1]["Link"]


async def test_instances_of_one_entity_keep_their_order(broker):
    async with writing(broker, limits=WriterLimits(batch_items=7)) as writer:
        futures = await submit_all(writer, [sensor(n % 3, step=n) for n in range(100)])
        await asyncio.gather(*futures)
    for one in range(3):
        steps = [e["step"] for b in broker.batches for e in b if e["id"].endswith(f":{one}")]
        assert steps == list(range(one, 100, 3))


async def test_a_refused_entity_is_named_and_the_others_are_written(broker):
    broker.refuse("urn:ngsi-ld:Sensor:3", "temperature is not a number")
    async with writing(broker) as writer:
        futures = await submit_all(writer, [sensor(n) for n in range(8)])
        fates = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(fates[3], Rejected)
    assert "temperature is not a number" in fates[3].detail
    assert len(broker.entities) == 7


async def test_a_refused_batch_is_halved_until_the_culprit_stands_alone(broker):
    broker.refuse("urn:ngsi-ld:Sensor:5", "bad")
    broker.refuse_whole_batch = True
    async with writing(broker) as writer:
        futures = await submit_all(writer, [sensor(n) for n in range(16)])
        fates = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(one, Rejected) for one in fates] == [n == 5 for n in range(16)]
    assert len(broker.entities) == 15


async def test_an_error_of_one_of_several_instances_is_attributed(broker):
    """The answer names ids only: three instances and one error are sent again one by one."""
    broker.refuse_if(lambda entity: entity.get("t") == "bad", "bad value")
    async with writing(broker, limits=WriterLimits(connections=1)) as writer:
        first = await writer.submit(sensor(0))
        await asyncio.sleep(0)
        futures = await submit_all(writer, [sensor(1, t=value) for value in (1, "bad", 3)])
        fates = await asyncio.gather(first, *futures, return_exceptions=True)
    assert [type(one) for one in fates] == [Written, Written, Rejected, Written]
    assert broker.entities["urn:ngsi-ld:Sensor:1"]["t"] == 3


async def test_a_merge_creates_nothing(broker):
    async with writing(broker, mode="merge") as writer:
        with pytest.raises(Rejected, match="no such entity"):
            await writer.write(sensor(1))
    assert broker.requests[0][0] == "/entityOperations/merge"


async def test_a_broker_that_fails_again_and_again_on_one_entity_gets_the_others(broker):
    """A fault of the broker's own (500) must not hold up everything for ever."""
    broker.fail_on(lambda entity: entity["id"].endswith(":3"))
    async with writing(broker) as writer:
        fates = await asyncio.gather(
            *await submit_all(writer, [sensor(n) for n in range(8)]), return_exceptions=True
        )
    assert [type(one) for one in fates] == [Rejected if n == 3 else Written for n in range(8)]


async def test_batches_are_bounded_in_bytes(broker):
    limits = WriterLimits(batch_bytes=2_000, first_pause=0.005)
    async with writing(broker, limits=limits) as writer:
        await asyncio.gather(*await submit_all(writer, [sensor(n, t="x" * 500) for n in range(20)]))
    assert max(len(one) for one in broker.batches) <= 4
    assert len(broker.entities) == 20


async def test_a_token_is_read_from_its_file_at_each_request(broker, tmp_path):
    token = tmp_path / "token"
    async with broker_session() as session:
        address = BrokerAddress(broker.url, token_file=token)
        async with Writer(BrokerClient(session, address), limits=FAST) as writer:
            future = await writer.submit(sensor(1))
            while not writer.state.retries:
                await asyncio.sleep(0.005)
            assert "cannot read the token file" in writer.state.waiting_for
            await asyncio.to_thread(token.write_text, "")
            while "is empty" not in writer.state.waiting_for:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(token.write_text, "secret-1\n")
            assert await future is Written.CREATED
            await asyncio.to_thread(token.write_text, "secret-2\n")
            await writer.write(sensor(1))
    sent = [headers["Authorization"] for _, headers in broker.requests]
    assert sent == ["Bearer secret-1", "Bearer secret-2"]


@pytest.mark.parametrize("how", ["overloaded", "hung up"])
async def test_nothing_is_lost_while_the_broker_cannot(broker, how):
    if how == "overloaded":
        broker.be_overloaded(3)
    else:
        broker.hang_up(3)
    async with writing(broker) as writer:
        futures = await submit_all(writer, [sensor(n) for n in range(50)])
        fates = await asyncio.gather(*futures)
        assert writer.state.retries >= 2
        assert writer.state.waiting_for is None
    assert len(fates) == 50
    assert len(broker.entities) == 50


async def test_waits_for_a_broker_that_starts_later(unused_tcp_port):
    broker = TestBroker()
    broker.url = f"http://127.0.0.1:{unused_tcp_port}"
    async with writing(broker) as writer:
        future = await writer.submit(sensor(1))
        while not writer.state.retries:
            await asyncio.sleep(0.005)
        assert "no answer" in writer.state.waiting_for
        async with broker.running(unused_tcp_port):
            assert await future is Written.CREATED


async def test_an_overloaded_item_is_sent_again(broker):
    broker.refuse("urn:ngsi-ld:Sensor:1", "queue full", status=503)
    async with writing(broker) as writer:
        future = await writer.submit(sensor(1))
        while not writer.state.retries:
            await asyncio.sleep(0.005)
        broker.forgive()
        assert await future is Written.CREATED


async def test_a_full_queue_makes_the_source_wait(broker):
    limits = WriterLimits(capacity=10, batch_items=5, first_pause=0.005, longest_pause=0.01)
    broker.be_overloaded(5)
    async with writing(broker, limits=limits) as writer:
        futures = await submit_all(writer, [sensor(n) for n in range(10)])
        eleventh = asyncio.ensure_future(writer.submit(sensor(10)))
        await asyncio.sleep(0)
        assert not eleventh.done()
        await asyncio.gather(*futures)
        assert await (await eleventh) is Written.CREATED


async def test_unchanged_entities_are_not_written(broker):
    rows = [sensor(n, t={"type": "Property", "value": n}) for n in range(20)]
    async with writing(broker, mode="replace", skip_unchanged=True) as writer:
        await asyncio.gather(*await submit_all(writer, rows))
        broker.batches.clear()
        rows[7] = sensor(7, t={"type": "Property", "value": 700})
        fates = await asyncio.gather(*await submit_all(writer, rows))
    assert fates == [Written.UPDATED if n == 7 else Written.UNCHANGED for n in range(20)]
    assert broker.batches == [[rows[7]]]


async def test_instances_are_compared_one_after_the_other(broker):
    async with writing(broker, mode="replace", skip_unchanged=True) as writer:
        futures = await submit_all(writer, [sensor(1, t=v) for v in (1, 2, 1, 1)])
        fates = await asyncio.gather(*futures)
    assert fates == [Written.CREATED, Written.UPDATED, Written.UPDATED, Written.UNCHANGED]


async def test_close_sends_what_is_queued(broker):
    async with writing(broker) as writer:
        futures = await submit_all(writer, [sensor(n) for n in range(30)])
    assert {one.result() for one in futures} == {Written.CREATED}


async def test_what_cannot_be_sent_before_the_stop_is_reported_as_not_written(unused_tcp_port):
    broker = TestBroker()
    broker.url = f"http://127.0.0.1:{unused_tcp_port}"
    async with broker_session() as session:
        writer = Writer(BrokerClient(session, BrokerAddress(broker.url)), limits=FAST)
        writer.start()
        future = await writer.submit(sensor(1))
        await writer.close(timeout=0.05)
        with pytest.raises(NotWritten):
            await future
        with pytest.raises(NotWritten):
            await writer.submit(sensor(2))


async def test_what_has_no_id_or_is_no_json_is_refused_at_once(broker):
    async with writing(broker) as writer:
        with pytest.raises(SkipRecord, match="no id"):
            await writer.submit({"type": "Sensor"})
        with pytest.raises(SkipRecord, match="JSON"):
            await writer.submit(sensor(1, t=object()))


async def test_a_caller_that_gives_up_waiting_holds_nothing_up(broker):
    async with writing(broker) as writer:
        broker.be_overloaded(1)
        futures = await submit_all(writer, [sensor(1, t=n) for n in range(3)])
        futures[1].cancel()
        assert await futures[2] is Written.UPDATED
        assert writer.state.pending == 0


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_fails_meanwhile_the_result_is_as_if_written_one_by_one(broker, seed):
    chance = random.Random(seed)
    steps = [sensor(chance.randrange(12), step=n) for n in range(300)]
    for step in steps:
        if chance.random() < 0.05:
            step["bad"] = True
    broker.refuse_if(lambda entity: "bad" in entity, "bad")
    broker.refuse_whole_batch = chance.random() < 0.5
    limits = replace(
        FAST,
        capacity=chance.choice([5, 50, 500]),
        batch_items=chance.choice([3, 20, 200]),
        connections=chance.choice([1, 2, 4]),
    )
    async with writing(broker, limits=limits) as writer:
        futures = []
        for step in steps:
            if chance.random() < 0.02:
                broker.be_overloaded(1)
            if chance.random() < 0.02:
                broker.hang_up(1)
            futures.append(await writer.submit(step))
        fates = await asyncio.gather(*futures, return_exceptions=True)
        assert writer.state.pending == 0
    assert [isinstance(one, Rejected) for one in fates] == ["bad" in step for step in steps]
    expected = {}
    for step in steps:
        if "bad" not in step:
            expected[step["id"]] = step
    assert broker.entities == expected
