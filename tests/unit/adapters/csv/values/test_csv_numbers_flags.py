"""Numbers with units and words, and marks for yes and no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.values.flags import CONDITIONAL, STANDARD_MARKS, read_flag
from adapters.csv.values.numbers import read_indoor_outdoor, read_integer, read_number
from adapters.csv.values.text import folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("１２", 12),
        ("1,138人", 1138),
        ("9ｍ", 9),
        ("3階", 3),
        ("11.4", 11.4),
        ("約50台", 50),
        ("50台以上", 50),
        ("▲3", -3),
        ("△1,000", -1000),
        ("-2.5", -2.5),
        ("0", 0),
        ("65㎜", 65),
        ("300円", 300),
    ],
)
def test_numbers_are_read(text, expected):
    assert read_number(text).value == expected


@pytest.mark.parametrize("text", ["", "-", "---", "X", "χ", "　"])
def test_missing_and_suppressed_numbers_state_nothing(text):
    reading = read_number(text)
    assert reading.value is None
    assert not reading.problem


@pytest.mark.parametrize("text", ["無料", "屋内480人／屋外3,350人", "3～5", "1,2", "三"])
def test_sentences_are_no_numbers(text):
    assert read_number(text).problem


def test_zero_is_not_missing():
    assert read_number("0").value == 0
    assert read_number("０").value == 0


def test_about_is_kept_as_published():
    assert read_number("約50台").altered


def test_whole_numbers():
    assert read_integer("1.0").value == 1
    assert read_integer("7.666666667階").problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("屋内480人／屋外3,350人(面積の1/2)", (480, 3350)),
        ("屋内2,736人屋外11,700人（面積の1/2）", (2736, 11700)),
        ("屋内20人", (20, None)),
        ("480人", None),
    ],
)
def test_people_indoors_and_outdoors(text, expected):
    assert read_indoor_outdoor(text) == expected


@given(st.integers(-(10**9), 10**9))
def test_figures_survive_commas_and_width(number):
    wide = f"{number:,}".translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789,-"})
    assert read_number(f"{number:,}").value == number
    assert read_number(wide).value == number


@pytest.mark.parametrize(
    "mark", ["○", "〇", "◯", "●", "◎", "✓", "レ", "1", "1.0", "有", "あり", "可", "有り", "Yes"]
)
def test_yes(mark):
    assert read_flag(mark).value is True


@pytest.mark.parametrize("mark", ["×", "✕", "✗", "無", "なし", "不可", "否", "0", "No"])
def test_no(mark):
    assert read_flag(mark).value is False


@pytest.mark.parametrize("mark", ["", "－", "ー", "‐", "-", "未確認", "不明"])
def test_not_stated_is_neither_yes_nor_no(mark):
    reading = read_flag(mark)
    assert reading.value is None
    assert not reading.problem


@pytest.mark.parametrize("mark", ["△", "▲", "一部", "要相談", "○（一部）"])
def test_conditional_is_neither_yes_nor_no(mark):
    assert read_flag(mark).value == CONDITIONAL


@pytest.mark.parametrize("mark", ["☆", "2", "建設中", "有無"])
def test_an_unknown_mark_is_reported(mark):
    reading = read_flag(mark)
    assert reading.value is None
    assert reading.problem


def test_words_beside_a_mark_are_kept():
    reading = read_flag("有（1階のみ）")
    assert reading.value is True
    assert reading.altered


@given(st.text(max_size=8))
def test_only_marks_of_the_table_mean_no(text):
    if read_flag(text).value is False:
        mark = folded(text).casefold()
        assert (
            STANDARD_MARKS.get(mark) is False
            or STANDARD_MARKS[mark.partition("(")[0].strip()] is False
        )


def test_a_mapping_may_define_its_own_marks():
    marks = {"対象": True, "対象外": False}
    assert read_flag("対象外", marks).value is False
    assert read_flag("○", marks).problem
