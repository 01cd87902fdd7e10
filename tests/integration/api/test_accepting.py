"""The workers of a node share the connections that come in."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import pytest
from aiohttp import web

from broker.api.accepting import WIDTH, Acceptor, Loads
from broker.api.plain_response import PlainResponse
from broker.api.serving import HttpApi
from broker.embedded.ports import shared_socket


class Worker:
    """One worker: its load, and whether it accepts."""

    def __init__(self, listener: socket.socket, loads: Loads) -> None:
        self.listener = listener
        self.loads = loads

    @asynccontextmanager
    async def serving(self, name: str) -> AsyncIterator[None]:
        async def answer(_: web.BaseRequest) -> web.StreamResponse:
            return PlainResponse(body=name.encode())

        @asynccontextmanager
        async def opened() -> AsyncIterator[None]:
            yield

        api = HttpApi(answer, opened).serving(access_log=None, loads=self.loads)
        async with api as runner:
            assert runner.server is not None
            with Acceptor(self.listener, runner.server, self.loads).accepting():
                yield


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    with ExitStack() as held:
        listener = held.enter_context(shared_socket("127.0.0.1", 0))
        file = held.enter_context(tempfile.TemporaryFile())
        file.truncate(3 * WIDTH)
        yield [
            Worker(
                held.enter_context(listener.dup()),  # as each process has its own descriptor
                Loads.shared(file.fileno(), number),
            )
            for number in range(3)
        ]


@asynccontextmanager
async def connected(worker: Worker, count: int) -> AsyncIterator[list[str]]:
    """Open connections one after the other; gives which worker has answered on each."""
    answered: list[str] = []
    async with AsyncExitStack() as open_ones:
        for _ in range(count):
            host, port = worker.listener.getsockname()
            reader, writer = await asyncio.open_connection(host, port)
            open_ones.push_async_callback(writer.wait_closed)
            open_ones.callback(writer.close)
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            answered.append((await reader.readexactly(1)).decode())
            await asyncio.sleep(0.02)  # nobody holds back any longer
        yield answered


async def test_each_takes_its_part(workers: list[Worker]) -> None:
    async with AsyncExitStack() as running:
        for name, worker in zip("abc", workers, strict=True):
            await running.enter_async_context(worker.serving(name))
        async with connected(workers[0], 12) as answered:
            assert sorted(answered) == sorted("abc" * 4)
        while not all(worker.loads.is_lowest for worker in workers):
            await asyncio.sleep(0.001)
        async with connected(workers[0], 3) as answered:  # those that went are no longer counted
            assert sorted(answered) == ["a", "b", "c"]


async def test_nobody_waits_for_one_that_hangs(workers: list[Worker]) -> None:
    async with workers[0].serving("a"), connected(workers[0], 5) as answered:
        assert answered == ["a"] * 5
        assert not workers[0].loads.is_lowest


async def test_who_comes_later_gets_its_part(workers: list[Worker]) -> None:
    async with workers[0].serving("a"), connected(workers[0], 4):
        later = workers[1].serving("b"), workers[2].serving("c")
        async with later[0], later[1], connected(workers[0], 8) as answered:
            assert sorted(answered) == list("bbbbcccc")


async def test_what_waits_when_one_is_killed_is_taken_by_another(workers: list[Worker]) -> None:
    listener = workers[0].listener
    async with workers[0].serving("a"):
        pass
    host, port = listener.getsockname()
    reader, writer = await asyncio.open_connection(host, port)  # nobody accepts it as yet
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    async with workers[1].serving("b"):
        assert (await reader.read()).endswith(b"\r\n\r\nb")
        writer.close()
        await writer.wait_closed()


def test_a_load_never_falls_below_nothing() -> None:
    loads = Loads.alone()
    loads.add(-1)
    assert loads.is_lowest


def refused(caplog: pytest.LogCaptureFixture) -> int:
    """Return how many times it was said that a connection cannot be accepted."""
    return sum("cannot accept" in one.getMessage() for one in caplog.records)


async def test_who_may_open_no_more_files_waits_before_trying_again(
    workers: list[Worker], caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    gc.collect()  # what earlier tests left open is not to be closed meanwhile: that gives a number
    async with workers[0].serving("a"):
        with socket.socket() as client:
            resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
            try:
                client.connect(workers[0].listener.getsockname())
                while not refused(caplog):
                    await asyncio.sleep(0)
                for _ in range(20):  # turns in which it could try again
                    await asyncio.sleep(0)
                assert refused(caplog) == 1
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        async with connected(workers[0], 1) as answered:
            assert answered == ["a"]
