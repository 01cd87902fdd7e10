"""Dates in every form that offices write, and what is no date."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.values.dates import (
    DateOrder,
    column_order,
    midnight_utc,
    read_date,
    read_datetime,
)

FORMS = [
    ("2021-04-01", "2021-04-01"),
    ("2021/4/1", "2021-04-01"),
    ("2020-2-25", "2020-02-25"),
    ("20210401", "2021-04-01"),
    ("2021年4月1日", "2021-04-01"),
    ("２０２１年４月１日", "2021-04-01"),
    ("令和4年1月1日", "2022-01-01"),
    ("令和元年5月1日", "2019-05-01"),
    ("令和　元年　５月　１日", "2019-05-01"),
    ("R4.1.1", "2022-01-01"),
    ("r4.1.1", "2022-01-01"),
    ("H30/12/1", "2018-12-01"),
    ("S63.4.1", "1988-04-01"),
    ("昭32. 7. 1", "1957-07-01"),
    ("㍻30年1月2日", "2018-01-02"),
    ("昭和六十三年四月一日", "1988-04-01"),
    ("二〇二四年三月十日", "2024-03-10"),
    ("2021-04-01 00:00:00", "2021-04-01"),
    ("2024年4月1日（月）", "2024-04-01"),
    ("44371", "2021-06-24"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_dates_are_read_in_every_form(text, expected):
    assert read_date(text).value == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("未定", "words"),
        ("当面の間", "words"),
        ("毎年８月", "known form"),
        ("令和４年", "missing"),
        ("2024年", "missing"),
        ("平成31年度", "fiscal"),
        ("11月25日（土）", "year is missing"),
        ("2024/4/1～2024/4/30", "period"),
        ("2020-1-1、2021-2-2", "several"),
        ("2021/2/30", "calendar"),
        ("令和4年13月1日", "calendar"),
        ("令和0年1月1日", "year 0"),
        ("H00.4.1", "year 0"),
    ],
)
def test_what_is_no_date_is_a_problem_with_a_remedy(text, reason):
    reading = read_date(text)
    assert reading.value is None
    assert reason in reading.problem
    assert reading.remedy


@pytest.mark.parametrize("text", ["", "-", "―", "　", "/"])
def test_marks_of_absence_state_nothing(text):
    reading = read_date(text)
    assert reading.value is None
    assert not reading.problem


@pytest.mark.parametrize(
    ("text", "expected"), [("平成31年5月2日", "2019-05-02"), ("昭和64年1月8日", "1989-01-08")]
)
def test_dates_past_the_end_of_an_era_are_taken_with_a_remark(text, expected):
    reading = read_date(text)
    assert reading.value == expected
    assert "outside" in reading.repair


def test_the_last_day_of_an_era_needs_no_remark():
    assert "outside" not in read_date("平成31年4月30日").repair


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["4/1/2021", "4/13/2021"], DateOrder.MONTH_FIRST),
        (["1/4/2021", "13/4/2021"], DateOrder.DAY_FIRST),
        (["4/1/2021", ""], DateOrder.UNDECIDED),
        (["4/13/2021", "13/4/2021"], DateOrder.CONTRADICTORY),
    ],
)
def test_the_order_of_figures_is_decided_by_the_column(cells, order):
    assert column_order(cells) is order


def test_an_ambiguous_date_is_read_by_the_order_of_its_column():
    assert read_date("4/5/2021", DateOrder.MONTH_FIRST).value == "2021-04-05"
    assert read_date("4/5/2021", DateOrder.DAY_FIRST).value == "2021-05-04"
    assert "assumed" in read_date("4/5/2021", DateOrder.UNDECIDED).repair
    assert read_date("4/5/2021", DateOrder.CONTRADICTORY).value is None


@given(st.dates(dt.date(1989, 1, 8), dt.date(2019, 4, 30)))
def test_every_day_of_heisei_survives_its_ways_of_writing(day):
    year = "元" if day.year == 1989 else str(day.year - 1988)
    for text in (
        f"平成{year}年{day.month}月{day.day}日",
        f"H{year}.{day.month:02d}.{day.day:02d}",
        f"平{year}/{day.month}/{day.day}",
    ):
        assert read_date(text).value == day.isoformat()


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)))
def test_western_dates_survive(day):
    for text in (
        day.isoformat(),
        f"{day:%Y/%m/%d}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
    ):
        assert read_date(text).value == day.isoformat()


@given(st.text(max_size=30))
def test_any_text_is_a_day_and_a_moment_or_none(text):
    for read, parse in ((read_date, dt.date), (read_datetime, dt.datetime)):
        value = read(text).value
        assert value is None or parse.fromisoformat(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("令和6年1月9日午後6時", "2024-01-09T09:00:00Z"),
        ("令和6年1月15日午前6時", "2024-01-14T21:00:00Z"),
        ("2015/05/09 22:00", "2015-05-09T13:00:00Z"),
        ("2015/05/19 6:00", "2015-05-18T21:00:00Z"),
        ("2021-08-14T24:00", "2021-08-14T15:00:00Z"),
        ("2024-01-09T09:00:00+09:00", "2024-01-09T00:00:00Z"),
        ("2024-01-09", "2024-01-08T15:00:00Z"),
        ("R6.1.9 18時30分", "2024-01-09T09:30:00Z"),
    ],
)
def test_moments_are_japanese_time_written_in_utc(text, expected):
    assert read_datetime(text).value == expected


def test_a_day_begins_at_three_in_the_afternoon_utc():
    assert midnight_utc("2021-04-01") == "2021-03-31T15:00:00Z"
