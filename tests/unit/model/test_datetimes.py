from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.clock import format_time
from broker.model.datetimes import (
    canonical_time,
    canonical_time_of_day,
    comparable_time,
    is_date,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-11-22T04:00:00Z", "2026-11-22T04:00:00.000000Z"),
        ("2026-11-22T04:00:00.5Z", "2026-11-22T04:00:00.500000Z"),
        ("2026-11-22T04:00:00,123456Z", "2026-11-22T04:00:00.123456Z"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000000Z"),
    ],
)
def test_date_times_of_the_clause_are_brought_to_one_form(text, canonical):
    assert canonical_time(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22T04:00Z",
        "2026-11-22T04:00:00",
        "2026-11-22T04:00:00+09:00",
        "2026-11-22T04:00:00.Z",
        "2026-11-22T04:00:00.1234567Z",
        "2026-02-29T04:00:00Z",
        "2026-13-01T04:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T04:60:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-22t04:00:00z",
        " 2026-11-22T04:00:00Z",
        "2026-11-22T04:00:00Z\n",
        "٢٠٢٦-11-22T04:00:00Z",
        "",
    ],
)
def test_what_the_clause_does_not_allow_is_none(text):
    assert canonical_time(text) is None


MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, MOMENTS)
def test_canonical_times_compare_as_text_in_order_of_time(one: datetime, other: datetime):
    first, second = canonical_time(format_time(one)), canonical_time(format_time(other))
    assert first is not None
    assert second is not None
    assert (first < second) == (one < other)


def test_dates_are_days_of_the_calendar():
    assert is_date("2024-02-29")
    assert not is_date("2026-02-29")
    assert not is_date("2026-2-9")


def test_times_of_day_get_six_fractional_digits():
    assert canonical_time_of_day("04:05:06,7Z") == "04:05:06.700000Z"
    assert canonical_time_of_day("04:05Z") is None


@pytest.mark.parametrize(
    ("value", "comparable"),
    [
        ("2026-11-22T04:00:00Z", "2026-11-22T04:00:00.000000Z"),
        ("2026-11-22", "2026-11-22T00:00:00.000000Z"),
        ({"@type": "DateTime", "@value": "2026-11-22T04:00:00Z"}, "2026-11-22T04:00:00.000000Z"),
        ({"@type": "Colour", "@value": "2026-11-22T04:00:00Z"}, None),
        (
            ["2026-11-22", "later", 3, "2026-11-23"],
            ["2026-11-22T00:00:00.000000Z", "2026-11-23T00:00:00.000000Z"],
        ),
        (["later", 3], None),
        ("2026", None),
        ("urn:ngsi-ld:a-b", None),
        (2026, None),
        (None, None),
    ],
)
def test_what_queries_compare_in_time(value, comparable):
    assert comparable_time(value) == comparable
