"""Regular expressions mean the same here and in the database, and none of them can stall us."""

import time

import pytest

from broker.model.errors import BadRequestData, TooComplexQuery
from broker.query.patterns import check_pattern, finder, portable


@pytest.mark.parametrize(
    ("expression", "text", "is_found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("c$", "abc", True),
        ("c$", "abc\n", False),
        (r"\$$", "5$", True),
        ("[$]", "5$6", True),
        ("[]$]x", "$x", True),
        ("[^]$]x", "$x", False),
        ("[[:alpha:]$]+!", "a$!", True),
        ("[[]$", "a[", True),
        ("^(a|b)+$", "abab", True),
        ("(?i)ABC", "abc", True),
        (r"\d{2,3}", "a12", True),
        ("é", "café", True),
    ],
)
def test_what_is_found(expression, text, is_found):
    check_pattern(expression, parameter="q")
    assert finder(expression)(text) is is_found


def test_the_end_of_the_text_is_written_in_the_common_way():
    assert portable(r"a$|\$[$]$") == r"a\z|\$[$]\z"


def test_an_expression_that_stalls_others_is_linear_here():
    begin = time.process_time()
    assert not finder("^(a+)+$")("a" * 5000 + "b")
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("expression", ["(", "a\0b", r"(a)\1", "(?<=a)b"])
def test_others_are_refused(expression):
    with pytest.raises(BadRequestData, match=r"^idPattern: "):
        check_pattern(expression, parameter="idPattern")


def test_long_ones_are_refused():
    with pytest.raises(TooComplexQuery):
        check_pattern("a" * 1001, parameter="idPattern")
