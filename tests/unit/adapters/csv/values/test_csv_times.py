"""Times of day, opening hours, weekdays and rules of collection."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.values.times import read_time, read_time_range
from adapters.csv.values.weekdays import read_recurrence, read_weekdays

DAYS = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
DAYS |= {"PublicHolidays"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9:00", "09:00"),
        ("09：00", "09:00"),
        ("１７：００", "17:00"),
        ("24:00", "24:00"),
        ("25:30", "25:30"),
        ("00:00", "00:00"),
        ("9時", "09:00"),
        ("9時半", "09:30"),
        ("午後5時", "17:00"),
        ("午後5時15分", "17:15"),
        ("17:15（受付）", "17:15"),
        ("9:00:00", "09:00"),
        ("0830", "08:30"),
        ("5:00PM", "17:00"),
        ("5:00:00 PM", "17:00"),
        ("8:30 a.m.", "08:30"),
        ("12:00 AM", "00:00"),
        ("12:30 PM", "12:30"),
        ("17:00 pm", "17:00"),
        ("翌3:00", "27:00"),
        ("翌日2時", "26:00"),
        ("翌朝5時30分", "29:30"),
    ],
)
def test_times_are_read(text, expected):
    assert read_time(text).value == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("終日", "words"),
        ("24時間", "words"),
        ("翌9:00", "not a time"),
        ("9時～17時", "period"),
        ("31:00", "not a time"),
        ("9:75", "not a time"),
    ],
)
def test_what_is_no_time_is_a_problem(text, reason):
    reading = read_time(text)
    assert reading.value is None
    assert reason in reading.problem


def test_words_beside_a_time_are_kept():
    reading = read_time("17:15（受付）")
    assert reading.altered
    assert "受付" in reading.repair


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8:30～17:15", ("08:30", "17:15")),
        ("17:30〜24:00", ("17:30", "24:00")),
        ("10:00～翌9:00", ("10:00", "33:00")),
        ("9時から17時", ("09:00", "17:00")),
        ("10:00-12:00 13:00-17:00", None),
        ("24時間", None),
    ],
)
def test_opening_hours_in_one_cell(text, expected):
    assert read_time_range(text) == expected


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("月火水木金", "MTWTF"),
        ("月／火／水", "MTW"),
        ("月・水", "MW"),
        ("月～金", "MTWTF"),
        ("金～月", "MFSS"),
        ("平日", "MTWTF"),
        ("土日祝", "SSP"),
        ("月曜日、水曜日", "MW"),
        ("毎日", "MTWTFSS"),
    ],
)
def test_weekdays_are_read(text, letters):
    days = read_weekdays(text)
    assert days is not None
    assert "".join(day[0] for day in days) == letters


@pytest.mark.parametrize("text", ["", "不定休", "月火（祝日を除く）", "第2水曜日"])
def test_other_words_are_no_weekdays(text):
    assert read_weekdays(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("月 木", [{"dayOfWeek": "Monday"}, {"dayOfWeek": "Thursday"}]),
        ("水2 水4", [{"dayOfWeek": "Wednesday", "weekOfMonth": [2, 4]}]),
        ("毎週火・金曜日", [{"dayOfWeek": "Tuesday"}, {"dayOfWeek": "Friday"}]),
        ("第２・４月曜日", [{"dayOfWeek": "Monday", "weekOfMonth": [2, 4]}]),
        ("毎週水曜日", [{"dayOfWeek": "Wednesday"}]),
        ("20250331 20250403", [{"dates": ["2025-03-31", "2025-04-03"]}]),
        (
            "水1:6 7 水3:7 6 金:12",
            [
                {"dayOfWeek": "Wednesday", "weekOfMonth": [1, 3], "month": [6, 7]},
                {"dayOfWeek": "Friday", "month": [12]},
            ],
        ),
        ("申込制", None),
        ("水1:6 13", None),
        ("水1 6", None),
        ("20251331", None),
    ],
)
def test_rules_of_collection(text, expected):
    assert read_recurrence(text) == expected


@given(st.text(alphabet="月火水木金土日祝第毎週曜1234・～ 、0時:分", max_size=20))
def test_whatever_is_written_a_reading_is_of_its_kind_or_none(text):
    for time in (read_time(text).value, *(read_time_range(text) or ())):
        assert time is None or re.fullmatch(r"[0-3]\d:[0-5]\d", time)
    assert read_weekdays(text) is None or set(read_weekdays(text)) <= DAYS
    for rule in read_recurrence(text) or ():
        assert rule.keys() <= {"dayOfWeek", "weekOfMonth", "month", "dates"}
        assert "dates" in rule or rule["dayOfWeek"] in DAYS
