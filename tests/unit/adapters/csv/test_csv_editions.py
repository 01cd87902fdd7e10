"""The day of a series that no column states, and the tables of population cities publish."""

import pytest

from adapters.csv.values.dates import midnight_utc
from tests.unit.adapters.csv.tables import entities, imported

TOWNS = [["本町一丁目", "1,200", "3,000", "1,400", "1,600"], ["栄町", "2", "4", "1", "3"]]
HEADER = ["町丁名", "世帯数", "総数", "男", "女"]


def days(read) -> set[str]:
    return {one["dateOfSurvey"]["value"]["@value"] for one in entities(read)}


@pytest.mark.parametrize(
    ("title", "day"),
    [
        ("令和6年4月1日現在", "2024-04-01"),
        ("焼津市町別人口（令和６年４月１日現在）", "2024-04-01"),
        ("R6年4月1日 時点", "2024-04-01"),
        ("2024年4月1日現在の人口", "2024-04-01"),
        ("2024/4/1現在", "2024-04-01"),
        ("令和6年2月末日現在", "2024-02-29"),
        ("住民基本台帳人口 令和6年3月末現在", "2024-03-31"),
    ],
)
def test_the_title_tells_the_day_of_the_survey(title, day):
    read = imported([[title], HEADER, *TOWNS], "222127_x.csv")
    assert days(read) == {day}
    assert any(day in remark and title in remark for remark in read.report.remarks)
    (first, _) = entities(read)
    assert first["totalPopulation"]["value"] == 3000
    assert first["totalPopulation"]["observedAt"] == midnight_utc(day)


@pytest.mark.parametrize(
    "name", ["222127_population_20240401.csv", "町別人口(2024-04-01).csv", "人口2024年4月1日.csv"]
)
def test_the_name_of_the_file_tells_the_day_of_the_survey(name):
    assert days(imported([HEADER, *TOWNS], name)) == {"2024-04-01"}


@pytest.mark.parametrize("name", ["町別人口.csv", "町別人口_令和6年.csv", "人口_20241345.csv"])
def test_without_a_day_the_file_is_refused_with_what_to_do(name):
    report = imported([HEADER, *TOWNS], name).report
    assert report.outcome == "refused"
    assert "調査年月日" in report.remedy
    assert "YYYYMMDD" in report.remedy


def test_a_column_of_days_counts_before_the_title():
    header, row = [*HEADER, "調査年月日"], [*TOWNS[0], "2024-05-01"]
    read = imported([["令和6年4月1日現在"], header, row], "222127_x.csv")
    assert days(read) == {"2024-05-01"}


@pytest.mark.parametrize(
    "header",
    [["地区", "計"], ["地区名", "男", "女", "計"], ["投票区名", "男", "女", "計"]],
)
def test_figures_by_area_that_may_be_of_anything_are_no_population(header):
    rows = [[f"{place}区", *["3"] * (len(header) - 1)] for place in "東西"]
    assert imported([header, *rows], "2024-04-01.csv").report.outcome == "refused"
