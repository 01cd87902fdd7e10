"""Checkpoints and dead letters on a real file."""

from __future__ import annotations

import sqlite3

import pytest

from adapters.runtime.checkpoint import Checkpoints
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.errors import RetryLater, StopAdapter
from adapters.runtime.store import FILE, Store


@pytest.fixture
async def store(tmp_path):
    async with Store(tmp_path) as opened:
        yield opened


async def test_checkpoints_survive_a_restart_and_are_each_adapters_own(tmp_path):
    async with Store(tmp_path) as store:
        await Checkpoints(store, "a").set("etag", {"value": '"x"'})
        await Checkpoints(store, "b").set("etag", 5)
    async with Store(tmp_path) as store:
        mine = Checkpoints(store, "a")
        assert await mine.get("etag") == {"value": '"x"'}
        await mine.set("etag", None)
        assert await mine.get("etag") is None
        await mine.delete("etag")
        await mine.delete("etag")
        assert await Checkpoints(store, "b").get("etag") == 5


async def test_a_failed_transaction_leaves_nothing(store):
    def half(db):
        db.execute("INSERT INTO checkpoints VALUES ('a', 'k', '1')")
        raise RuntimeError("fault of ours")

    with pytest.raises(RuntimeError):
        await store.transact(half)
    assert await Checkpoints(store, "a").get("k") is None


async def test_a_full_disk_is_tried_again_and_nothing_of_the_transaction_stays(store):
    def fill(db):
        db.execute("PRAGMA max_page_count = 1")
        db.execute("INSERT INTO checkpoints VALUES ('a', 'k', ?)", ("x" * 1_000_000,))

    with pytest.raises(RetryLater, match=r"no room for the adapters' store .* free space"):
        await store.transact(fill)
    await store.transact(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
    await Checkpoints(store, "a").set("other", 1)
    assert await Checkpoints(store, "a").get("k") is None
    assert await Checkpoints(store, "a").get("other") == 1


async def test_a_damaged_file_stops_the_adapter_with_the_path(tmp_path):
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    with pytest.raises(StopAdapter, match=FILE):
        async with Store(tmp_path):
            pass


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (b'{"t": 1}', '{"t": 1}'),
        (b"\xff\xfe", {"base64": "//4="}),
        ({"topic": "a", "n": 1}, {"topic": "a", "n": 1}),
        (None, None),
    ],
)
async def test_letters_keep_the_record_as_it_came(store, record, kept):
    letters = DeadLetters(store, "mqtt", clock=lambda: "2026-01-01T00:00:00.000000Z")
    await letters.add("no number", record=record, entity={"id": "urn:a"}, tenant="yaizu")
    [letter] = await letters.list()
    assert letter.record == kept
    assert (letter.adapter, letter.reason, letter.tenant) == ("mqtt", "no number", "yaizu")
    assert letter.entity == {"id": "urn:a"}
    assert letter.at == "2026-01-01T00:00:00.000000Z"


async def test_a_record_too_long_to_keep_is_cut(store):
    letters = DeadLetters(store, "mqtt")
    await letters.add("too long", record="x" * 1_000_000)
    [letter] = await letters.list()
    assert letter.record["cut"] is True
    assert letter.record["beginning"].startswith('"xxx')


async def test_an_entity_too_long_to_keep_is_left_out(store):
    letters = DeadLetters(store, "a")
    for size in (1000, 1_000_000):
        await letters.add("no", record={"n": size}, entity={"id": "urn:x", "a": "x" * size})
    short, long = await letters.list()
    assert short.entity is not None
    assert (long.entity, long.record) == (None, {"n": 1_000_000})


async def test_letters_are_bounded_and_what_went_is_counted(store):
    letters = DeadLetters(store, "mqtt", limit=3)
    other = DeadLetters(store, "rest", limit=3)
    await other.add("stays", record=1)
    for number in range(5):
        await letters.add(f"reason {number}", record=number)
    assert [one.record for one in await letters.list()] == [2, 3, 4]
    assert await letters.evicted() == 2
    assert await DeadLetters(store, None).count() == 4
    assert await letters.purge() == 3
    assert (await letters.count(), await letters.evicted()) == (0, 0)
    assert await other.count() == 1


async def test_of_a_subject_only_the_newest_letter_is_kept(store):
    letters = DeadLetters(store, "rest")
    await letters.add("too cold", record=1, subject="urn:a")
    await letters.add("too cold", record=2, subject="urn:b")
    await letters.add("too warm", record=3, subject="urn:a")
    await DeadLetters(store, "other").add("too warm", record=4, subject="urn:a")
    assert [one.record for one in await letters.list()] == [2, 3]


async def test_letters_are_found_and_removed_by_number(store):
    letters = DeadLetters(store, "mqtt")
    for number in range(3):
        await letters.add("reason", record=number)
    second = (await letters.list())[1]
    assert (await letters.get(second.number)).record == 1
    assert [one.record for one in await letters.list(after=second.number)] == [2]
    await letters.remove(second.number)
    assert await letters.get(second.number) is None


async def test_another_process_may_read_meanwhile(store, tmp_path):
    await DeadLetters(store, "mqtt").add("reason", record=1)
    other = sqlite3.connect(tmp_path / FILE)
    assert other.execute("SELECT count(*) FROM dead_letters").fetchone() == (1,)
    other.close()
