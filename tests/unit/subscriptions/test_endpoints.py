"""An endpoint that fails is left alone for a while, then tried by one request."""

from __future__ import annotations

import asyncio

from broker.subscriptions.endpoints import Endpoints, EndpointState, RetryPolicy

POLICY = RetryPolicy(first=1.0, longest=8.0, requests_at_once=2)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_up_to_the_longest() -> None:
    for failures, whole in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (1000, 8)):
        pauses = [POLICY.pause(failures) for _ in range(20)]
        assert all(0.75 * whole <= pause <= 1.25 * whole for pause in pauses)
        assert len(set(pauses)) > 1


def test_failures_of_requests_under_way_together_count_once() -> None:
    time = Time()
    state = EndpointState(POLICY, now=time)
    for _ in range(5):
        state.failed(retry_after=None, cooldown=None)
    assert 0.75 <= state.wait <= 1.25


def test_the_endpoint_and_the_subscription_may_ask_for_more_time() -> None:
    time = Time()
    asked = EndpointState(POLICY, now=time)
    asked.failed(retry_after=30.0, cooldown=None)
    cool = EndpointState(POLICY, now=time)
    cool.failed(retry_after=None, cooldown=20.0)
    assert (asked.wait, cool.wait) == (30.0, 20.0)


def test_success_ends_all_pauses() -> None:
    state = EndpointState(POLICY, now=Time())
    state.failed(retry_after=None, cooldown=None)
    state.succeeded()
    assert state.wait == 0
    assert not state.is_failing


async def test_one_request_tries_while_the_others_wait() -> None:
    state = EndpointState(POLICY, now=Time())
    state.failed(retry_after=None, cooldown=None)
    inside = 0
    most = 0

    async def request() -> None:
        nonlocal inside, most
        async with state.slot():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*[request() for _ in range(5)])
    assert most == 1
    state.succeeded()
    await asyncio.gather(*[request() for _ in range(5)])
    assert most == 2


def test_subscriptions_with_one_endpoint_share_its_state() -> None:
    endpoints = Endpoints(POLICY, now=Time())
    endpoints.state("http://a.example/").failed(retry_after=None, cooldown=None)
    assert endpoints.state("http://a.example/").is_failing
    assert not endpoints.state("http://b.example/").is_failing


def test_too_many_endpoints_are_forgotten_rather_than_remembered_for_ever() -> None:
    endpoints = Endpoints(POLICY, now=Time())
    first = endpoints.state("http://0.example/")
    for number in range(1, 10_001):
        endpoints.state(f"http://{number}.example/")
    assert endpoints.state("http://0.example/") is not first
