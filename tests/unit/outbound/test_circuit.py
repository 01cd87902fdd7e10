from __future__ import annotations

import pytest

from broker.outbound.circuit import CircuitBreaker
from broker.outbound.errors import CircuitOpen


class Seconds:
    def __init__(self):
        self.value = 0.0

    def __call__(self):
        return self.value


@pytest.fixture
def now():
    return Seconds()


@pytest.fixture
def circuit(now):
    breaker = CircuitBreaker(now=now, threshold=3, longest=4.0)
    for _ in range(3):
        breaker.check("a:80")
        breaker.timed_out("a:80")
    return breaker


def test_it_opens_after_the_threshold_and_only_for_that_host(circuit):
    with pytest.raises(CircuitOpen) as raised:
        circuit.check("a:80")
    assert raised.value.retry_after == 1.0
    circuit.check("b:80")


def test_one_request_is_let_through_after_each_pause_which_doubles(circuit, now):
    pauses = []
    for _ in range(4):
        with pytest.raises(CircuitOpen) as raised:
            circuit.check("a:80")
        pauses.append(raised.value.retry_after)
        now.value += raised.value.retry_after
        circuit.check("a:80")
        circuit.timed_out("a:80")
    assert pauses == [1.0, 2.0, 4.0, 4.0]


def test_an_answer_closes_it(circuit, now):
    now.value += 1.0
    circuit.check("a:80")
    circuit.answered("a:80")
    circuit.check("a:80")
    circuit.check("a:80")


def test_it_does_not_remember_hosts_without_limit(monkeypatch, now):
    monkeypatch.setattr("broker.outbound.circuit._HOSTS_REMEMBERED", 2)
    breaker = CircuitBreaker(now=now, threshold=1)
    for host in "abc":
        breaker.timed_out(host)
    breaker.check("a")
    with pytest.raises(CircuitOpen):
        breaker.check("c")
