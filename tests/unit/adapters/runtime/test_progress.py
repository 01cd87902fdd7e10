import logging

from adapters.runtime.health import Health, State
from adapters.runtime.progress import Progress


def test_progress_is_said_at_once_and_then_once_a_minute(caplog):
    caplog.set_level(logging.INFO)
    health = Health("open-data")
    progress = Progress()
    progress.say([health], 0.0)
    health.count("imported", 9)
    health.count("created", 579)
    for now in (3.0, 6.0):
        progress.say([health], now)
    health.count("unchanged")
    progress.say([health], 9.0)
    progress.say([health], 63.0)
    progress.say([health], 200.0)
    assert caplog.messages == [
        "open-data: 579 created, 9 imported",
        "open-data: 579 created, 9 imported, 1 unchanged",
    ]


def test_since_is_when_the_state_began():
    times = iter(["t1", "t2", "t3"])
    health = Health("a", clock=lambda: next(times))
    health.become(State.RUNNING)
    health.become(State.RUNNING, "still")
    assert (health.since, health.detail) == ("t1", "still")
    health.become(State.WAITING)
    assert health.as_json()["since"] == "t2"
