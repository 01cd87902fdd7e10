"""Rows that sum up others: told apart from areas, told in the report, and doubted when wrong."""

import pytest

from adapters.csv.rendering import lines_of
from tests.unit.adapters.csv.tables import entities, imported

HEADER = ["市区町村コード", "地域コード", "調査年月日", "地域名", "総人口", "男性", "女性"]


def area(name: str, men: str, women: str, total: str = "", code: str = "", day: str = "2024-04-01"):
    figures = total or str(int(men) + int(women))
    return ["222127", code, day, name, figures, men, women]


def names(read) -> list[str]:
    return [entity["areaName"]["value"] for entity in entities(read)]


@pytest.mark.parametrize(
    "word", ["合計", "総数", "計", " 合　計 ", "総　計", "（計）", "【合計】", "全市", "市計"]
)
def test_a_row_labelled_as_a_total_is_no_area(word):
    read = imported(
        [HEADER, area("本町", "10", "12"), area("栄町", "5", "3"), area(word, "15", "15")]
    )
    assert names(read) == ["本町", "栄町"]
    assert read.report.rows.read == 3
    assert read.report.rows.ignored == 1
    told = "\n".join(lines_of(read.report))
    assert "totals of others, not things of their own, left out: 4" in told
    assert list(read.report.warnings) == []


OF_EACH_DAY = [
    area("総数", "15", "15"), area("本町", "10", "12"), area("栄町", "5", "3"),
    area("総数", "16", "16", day="2024-05-01"), area("本町", "11", "13", day="2024-05-01"),
    area("栄町", "5", "3", day="2024-05-01"),
]  # fmt: skip
OF_PARTS = [
    area("本町", "10", "12"), area("栄町", "5", "3"), area("焼津地区計", "15", "15"),
    area("大村", "1", "2"), area("小川", "3", "4"), area("南部地区計", "4", "6"),
    area("合計", "19", "21"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "left", "ignored"),
    [
        pytest.param(OF_EACH_DAY, ["本町", "栄町"] * 2, 2, id="above the areas, for each day"),
        pytest.param(OF_PARTS, ["本町", "栄町", "大村", "小川"], 3, id="of parts, by figures"),
    ],
)
def test_totals_are_told_from_areas(rows, left, ignored):
    read = imported([HEADER, *rows])
    assert names(read) == left
    assert read.report.rows.ignored == ignored
    assert list(read.report.warnings) == []


def test_totals_of_parts_may_stand_above_them():
    rows = [
        area("焼津地区計", "15", "15"), area("本町", "10", "12"), area("栄町", "5", "3"),
        area("南部地区計", "4", "6"), area("大村", "1", "2"), area("小川", "3", "4"),
    ]  # fmt: skip
    assert names(imported([HEADER, *rows])) == ["本町", "栄町", "大村", "小川"]


def test_an_area_whose_name_ends_like_a_total_stays_an_area():
    read = imported(
        [HEADER, area("本町", "10", "12"), area("余計", "7", "3"), area("栄町", "5", "3")]
    )
    assert names(read) == ["本町", "余計", "栄町"]
    assert read.report.rows.ignored == 0


def test_a_total_that_is_not_the_sum_is_doubted_but_still_no_area():
    read = imported(
        [HEADER, area("本町", "10", "12"), area("栄町", "5", "3"), area("合計", "16", "15")]
    )
    assert names(read) == ["本町", "栄町"]
    (warning,) = read.report.warnings
    assert warning.row == 4
    assert "総人口 is 31, the rows make 30" in warning.reason


def test_figures_that_are_withheld_leave_a_total_undoubted():
    read = imported(
        [HEADER, area("本町", "10", "12"), area("栄町", "X", "X", "X"), area("合計", "15", "15")]
    )
    assert read.report.rows.ignored == 1
    assert list(read.report.warnings) == []


def test_a_total_in_another_column_than_the_name_is_told_apart_too():
    rows = [
        area("本町", "10", "12"),
        area("栄町", "5", "3"),
        ["合計", "", "", "", "30", "15", "15"],
    ]
    read = imported([HEADER, *rows])
    assert names(read) == ["本町", "栄町"]
    assert (read.report.rows.ignored, read.report.rows.rejected) == (1, 0)


def test_a_total_of_other_tables_is_no_thing():
    header = ["NO", "名称", "住所", "病床数", "診療科目", "医療機関の種類"]
    rows = [
        ["1", "東病院", "焼津市本町", "10", "内科", "病院"],
        ["", "合計", "1施設", "10", "", ""],
    ]
    read = imported([header, *rows], "222127_hospital.csv")
    assert [one["name"]["value"] for one in entities(read)] == ["東病院"]
    assert read.report.rows.ignored == 1


@pytest.mark.parametrize("name", ["1施設", "１箇所", "全1件", "1"])
def test_a_total_whose_name_is_how_many_there_are_is_no_thing(name):
    header = ["医療圏", "施設名", "所在地", "病床数"]
    rows = [["中部", "東病院", "焼津市本町", "10"], ["合計", name, "", "10"]]
    read = imported([header, *rows], "222127_病院一覧.csv")
    assert [one["name"]["value"] for one in entities(read)] == ["東病院"]
    assert read.report.rows.ignored == 1


@pytest.mark.parametrize("word", ["全市", "総数", "合計"])
def test_the_figures_of_a_whole_city_alone_are_not_left_out(word):
    months = [area(word, "15", "15"), area(word, "16", "15", day="2024-05-01")]
    read = imported([HEADER, *months])
    assert names(read) == [word, word]
    assert read.report.rows.ignored == 0
    beside = [*months, area("本町", "1", "2", day="2024-06-01")]
    assert names(imported([HEADER, *beside])) == [word, word, "本町"]


def test_a_rule_for_the_whole_town_is_no_total():
    header = ["地区名", "センター", "可燃ごみ", "不燃ごみ"]
    rows = [["全域", "", "月 木", "水2"], ["本町", "", "火 金", "水1"]]
    read = imported([header, *rows], "222127_area_days.csv", entity_type="WasteCollectionArea")
    assert [one["areaName"]["value"] for one in entities(read)] == ["全域", "本町"]
