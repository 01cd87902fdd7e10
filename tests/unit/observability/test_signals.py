"""Which signals ask a process to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from broker.observability.signals import stop_signals


@pytest.fixture
def as_before() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, handler)


@pytest.mark.usefixtures("as_before")
def test_a_closed_terminal_stops_unless_nohup_says_otherwise() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    assert set(stop_signals()) == {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert set(stop_signals()) == {signal.SIGTERM, signal.SIGINT}
