"""JSON tells true from 1, wherever they stand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.sameness import is_same

SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.text("01", max_size=1)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(VALUES, VALUES)
def test_it_is_what_the_json_says(one: Any, other: Any) -> None:
    texts = [orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in (one, other)]
    assert is_same(one, other) is (texts[0] == texts[1])


@given(VALUES)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert is_same(value, orjson.loads(orjson.dumps(value)))


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), ([0], [False]), ({"a": [1]}, {"a": [True]}), ([True], [1])]
)
def test_a_boolean_is_no_number(one: Any, other: Any) -> None:
    assert one == other
    assert not is_same(one, other)


def test_a_number_is_the_same_however_it_is_written() -> None:
    assert is_same({"a": [1, 2.0]}, {"a": [1.0, 2]})
