"""Codes with check digits, telephone numbers, postal codes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.municipality import register
from adapters.csv.values.codes import (
    is_municipality_code,
    municipality_check_digit,
    read_corporate_number,
    read_figures,
    read_municipality_code,
)
from adapters.csv.values.contacts import read_phone, read_postal_code
from adapters.csv.values.reading import NOTHING, Reading

KNOWN = register().codes
REAL = [
    "131016",
    "011002",
    "092011",
    "072028",
    "074667",
    "132195",
    "221309",
    "092134",
    "336432",
    "282103",
]


@pytest.mark.parametrize("code", REAL)
def test_real_codes_are_right(code):
    assert is_municipality_code(code)
    assert read_municipality_code(code, KNOWN).repair == ""


def test_every_code_of_the_register_has_its_check_digit():
    assert len(KNOWN) > 1900
    assert all(is_municipality_code(code) for code in KNOWN)


@pytest.mark.parametrize("code", REAL)
@pytest.mark.parametrize("position", range(6))
def test_one_wrong_digit_is_noticed(code, position):
    wrong = code[:position] + str((int(code[position]) + 1) % 10) + code[position + 1 :]
    assert read_municipality_code(wrong, KNOWN).value is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("37201", "372013"),
        ("92011", "092011"),
        ("1100", "011002"),
        ("11002", "011002"),
        ("３７２０１３", "372013"),
        ("222127.0", "222127"),
    ],
)
def test_lost_digits_are_restored_where_that_is_proved(text, code):
    assert read_municipality_code(text, KNOWN).value == code


@pytest.mark.parametrize(
    ("text", "code"), [("37201", "372013"), ("92011", "092011"), ("1100", "011002")]
)
def test_every_restoration_is_told(text, code):
    assert code in read_municipality_code(text, KNOWN).repair


@pytest.mark.parametrize("text", ["372014", "992010", "00000", "1234567", "高松市", "99999", "12"])
def test_other_codes_are_refused_with_a_reason(text):
    reading = read_municipality_code(text, KNOWN)
    assert reading.value is None
    assert reading.problem


@given(st.integers(1000, 47999))
def test_a_restored_code_is_always_right(number):
    for text in (str(number), f"{number}{municipality_check_digit(f'{number:05d}')}"):
        value = read_municipality_code(text, KNOWN).value
        assert value is None or is_municipality_code(value)


@given(st.text(max_size=9))
def test_whatever_is_written_a_reading_is_a_value_of_its_kind_or_none(text):
    code = read_municipality_code(text, KNOWN).value
    assert code is None or is_municipality_code(code)
    for read, form in ((read_corporate_number, r"\d{13}"), (read_postal_code, r"\d{3}-?\d{4}")):
        value = read(text).value
        assert value is None or re.fullmatch(form, value, re.ASCII)
    phone = read_phone(text).value
    assert phone is None or phone == phone.strip()


def test_corporate_numbers():
    assert read_corporate_number("7000012050002").value == "7000012050002"
    assert read_corporate_number("7-0000-1205-0002").value == "7000012050002"
    assert "check digit" in read_corporate_number("8000012050002").problem
    assert read_corporate_number("12345").problem
    assert "power of ten" in read_corporate_number("5.00002E+12").problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(054)626-1139", "(054)626-1139"),
        ("０５４－６２６－１１３９", "054-626-1139"),
        ("0820‐45‐2126", "0820-45-2126"),
        ("03-3657-3455（寅さん記念館）", "03-3657-3455(寅さん記念館)"),
    ],
)
def test_telephone_numbers(text, expected):
    assert read_phone(text).value == expected


def test_words_are_no_telephone_number():
    assert read_phone("非公開").problem
    assert read_phone("-").problem == ""


def test_postal_codes():
    assert read_postal_code("425-0022").value == "4250022"
    assert read_postal_code("〒４２５－００２２").value == "4250022"
    assert read_postal_code("4250").problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("546261111", "0546261111"), ("312345678", "0312345678"), ("9012345678", "09012345678"),
        ("5012345678", "05012345678"), ("8001234567", "08001234567"), ("546261111.0", "0546261111"),
        ("５４６２６１１１１", "0546261111"),
    ],
)  # fmt: skip
def test_the_zero_a_spreadsheet_dropped_is_restored_in_telephone_numbers(text, expected):
    reading = read_phone(text)
    assert reading.value == expected
    assert "leading zero" in reading.repair


def test_a_telephone_number_has_no_decimals():
    reading = read_phone("0546261111.0")
    assert reading.value == "0546261111"
    assert reading.repair


@pytest.mark.parametrize("text", ["119", "626-1111", "0546261111", "5412345678", "26-1111"])
def test_no_zero_is_put_before_other_telephone_numbers(text):
    assert read_phone(text) == Reading(text)


@pytest.mark.parametrize("text", ["5.46261E+08", "9.01E+09", "5E+08"])
def test_a_power_of_ten_is_no_telephone_number(text):
    assert "power of ten" in read_phone(text).problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [("600001", "0600001"), ("10001", "0010001"), ("600001.0", "0600001")],
)
def test_zeros_a_spreadsheet_dropped_are_restored_in_postal_codes(text, expected):
    reading = read_postal_code(text)
    assert reading.value == expected
    assert "leading zeros" in reading.repair


@pytest.mark.parametrize(
    ("text", "length", "expected", "repair"),
    [
        ("0008001", 7, "0008001", ""),
        ("0008-001", 7, "0008001", "plain figures"),
        ("000-8001", 7, "0008001", "plain figures"),
        ("０００８００１", 7, "0008001", "plain figures"),
        ("12001", 7, "0012001", "leading zeros"),
        ("112345678", 10, "0112345678", "leading zeros"),
        ("8001", 7, "8001", ""),
        ("0008", 7, "0008", ""),
        ("4001.0", 0, "4001", "plain figures"),
        ("内線 ２３", 0, "内線 ２３", ""),
        ("B122210000012", 0, "B122210000012", ""),
    ],
)
def test_codes_of_figures(text, length, expected, repair):
    reading = read_figures(text, length)
    assert reading.value == expected
    assert repair in reading.repair
    assert bool(repair) == bool(reading.repair)


@pytest.mark.parametrize("text", ["", " ", "-", "－", "ー"])
def test_no_code_is_stated_by_a_dash(text):
    assert read_figures(text) == NOTHING
