from datetime import UTC, datetime, timedelta, timezone

from broker.model.clock import format_time, system_clock
from broker.model.datetimes import canonical_time
from broker.model.errors import MethodNotAllowed, NgsiLdError, Overloaded


def test_an_error_carries_what_a_client_can_act_on():
    error = NgsiLdError("what is wrong", pointer="/a/b", attribute_names=("a",))
    assert (str(error), error.detail) == ("what is wrong", "what is wrong")
    assert (error.pointer, error.attribute_names) == ("/a/b", ("a",))
    assert MethodNotAllowed("no PUT here", allowed=("GET",)).allowed == ("GET",)
    assert Overloaded("later", retry_after=3).retry_after == 3


def test_times_are_of_fixed_width_and_in_utc():
    tokyo = timezone(timedelta(hours=9))
    assert format_time(datetime(2026, 1, 1, 9, tzinfo=tokyo)) == "2026-01-01T00:00:00.000000Z"
    now = system_clock()
    assert canonical_time(now) == now
    assert abs(datetime.fromisoformat(now) - datetime.now(UTC)) < timedelta(hours=1)  # noqa: TID251
