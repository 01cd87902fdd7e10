"""Positions in all found forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.values.positions import (
    JAPAN,
    WORLD,
    PositionRules,
    read_dms_position,
    read_joined_position,
    read_position,
)

RULES = PositionRules()
SWAP = PositionRules(swap_allowed=True)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("34.35", "134.05"),
        (" 34.35 ", "134.05　"),
        ("３４．３５", "１３４．０５"),
        ("北緯34.35", "東経134.05"),
        ("34.35°", "134.05度"),
        ("34度21分0秒", "134度3分0秒"),
        ("34°21′00″", "134°03′00″"),
        ("N34.35", "E134.05"),
    ],
)
def test_two_cells(latitude, longitude):
    assert read_position(latitude, longitude, RULES).value == pytest.approx([134.05, 34.35])


@pytest.mark.parametrize(("latitude", "longitude"), [("", ""), ("―", "―"), ("-", ""), ("　", " ")])
def test_nothing_stated(latitude, longitude):
    reading = read_position(latitude, longitude, RULES)
    assert reading.value is None
    assert not reading.problem


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        ("34.35", "", "longitude is missing"),
        ("", "134.05", "latitude is missing"),
        ("0", "0", "0, 0"),
        ("緯度経度を確認", "134.05", "not a position"),
        ("134.05", "34.35", "exchanged"),
        ("15322689.81", "4120919.696", "not a position"),
        ("-128456.3", "-45678.9", "not a position"),
        ("59.91", "10.75", "outside"),
    ],
)
def test_problems(latitude, longitude, reason):
    reading = read_position(latitude, longitude, RULES)
    assert reading.value is None
    assert reason in reading.problem
    assert reading.remedy


def test_an_exchanged_pair_is_put_right_only_when_the_mapping_allows_it():
    reading = read_position("134.05", "34.35", SWAP)
    assert reading.value == [134.05, 34.35]
    assert "exchanged" in reading.repair


@pytest.mark.parametrize("text", ["34.35,134.05", "34.35, 134.05", "34.35，134.05", "34.35 134.05"])
def test_one_cell(text):
    assert read_joined_position(text, RULES).value == [134.05, 34.35]


@pytest.mark.parametrize("text", [",", "", " , ", "-,-"])
def test_a_lone_comma_states_nothing(text):
    reading = read_joined_position(text, RULES)
    assert reading.value is None
    assert not reading.problem


def test_one_cell_with_something_else():
    assert read_joined_position("34.35", RULES).problem
    assert read_joined_position("1,2,3", RULES).problem


def test_six_cells():
    value = read_dms_position(["36", "3", "51.5", "136", "13", "10"], RULES).value
    assert value == pytest.approx([136.21944444, 36.06430556])
    assert read_dms_position(["-", "-", "-", "-", "-", "-"], RULES).problem == ""
    assert read_dms_position(["36", "75", "0", "136", "13", "10"], RULES).problem
    assert read_dms_position(["36", "", "0", "136", "13", "10"], RULES).problem


def test_other_countries_need_other_bounds():
    assert read_position("59.91", "10.75", PositionRules(WORLD)).value == [10.75, 59.91]


@given(st.floats(JAPAN[0], JAPAN[1]), st.floats(JAPAN[2], JAPAN[3]))
def test_every_place_of_japan_survives_and_is_never_exchanged(north, east):
    value = read_position(f"{north:.7f}", f"{east:.7f}", SWAP).value
    assert value == pytest.approx([east, north], abs=1e-6)
    swapped = read_position(f"{east:.7f}", f"{north:.7f}", SWAP).value
    assert swapped == pytest.approx([east, north], abs=1e-6)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_position_or_told_or_nothing(one, other):
    for reading in (
        read_position(one, other, RULES),
        read_joined_position(one, RULES),
        read_dms_position([one] * 6, RULES),
    ):
        if reading.value is None:
            assert bool(reading.problem) == bool(reading.remedy)
        else:
            longitude, latitude = reading.value
            assert -180 <= longitude <= 180
            assert -90 <= latitude <= 90


def test_metres_are_told_to_be_none():
    assert "not metres of a plane" in read_position("-128456.3", "-45678.9", RULES).remedy
    assert "metres" not in read_position("不明", "138.3", RULES).remedy
