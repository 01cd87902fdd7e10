"""Times of devices: what is read, and that what is read is the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mqtt import times

TOKYO = ZoneInfo("Asia/Tokyo")
MOMENTS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(MOMENTS)
def test_what_is_written_is_read_back(moment: datetime) -> None:
    text = times.write(moment)
    assert datetime.fromisoformat(text) == moment
    assert times.from_iso(text) == text


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_offsets_are_brought_to_utc(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert times.from_iso(local.isoformat()) == times.write(moment)


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.text()))
def test_anything_is_a_time_or_none(value: object) -> None:
    found = times.from_any(value)
    assert found is None or times.from_iso(found) == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00.120Z", "2026-01-31T09:30:00.120Z"),
        ("2026-01-31T09:30:00.1Z", "2026-01-31T09:30:00.100Z"),
        ("2026-01-31T09:30:00,5Z", "2026-01-31T09:30:00.500Z"),
        ("2026-01-31 18:30:00+09:00", "2026-01-31T09:30:00Z"),
        ("2026-01-31T18:30+0900", "2026-01-31T09:30:00Z"),
        ("20260131T093000Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T18:30:00", "2026-01-31T09:30:00Z"),
        ("2026-01-31", "2026-01-30T15:00:00Z"),
        ("2026/1/31 18:30", "2026-01-31T09:30:00Z"),
        (1769851800, "2026-01-31T09:30:00Z"),
        (1769851800.25, "2026-01-31T09:30:00.250Z"),
        (1769851800123, "2026-01-31T09:30:00.123Z"),
        (1769851800123456, "2026-01-31T09:30:00.123456Z"),
        (1769851800123456789, "2026-01-31T09:30:00.123457Z"),
        ("1769851800", "2026-01-31T09:30:00Z"),
    ],
)
def test_forms_seen_in_the_field(value: object, expected: str) -> None:
    assert times.from_any(value, TOKYO) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", "now", "1", "25:00", "2026-02-30", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z"),
        *(True, None, float("nan"), float("inf"), -1, 10**30, {}, []),
        "2026-01-01T00:00:00 Europe/Rome",
    ],
)
def test_what_is_no_time(value: object) -> None:
    assert times.from_any(value) is None


def test_iot_agent_times_are_iso_8601_only() -> None:
    assert times.from_iso("1769851800") is None
    assert times.from_iso(1769851800) is None
    assert times.from_iso("2026/01/31 18:30") is None
