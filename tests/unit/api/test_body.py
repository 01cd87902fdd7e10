"""JSON bodies: what is refused, and that a name given twice is found however it is written."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api.body import parse_json
from broker.model.errors import InvalidRequest

names = st.sampled_from(["id", "value", 'a":', '":', "b\\", " :", "é", "type"])
values = st.recursive(
    st.one_of(st.integers(0, 9), st.booleans(), names),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
separators = st.sampled_from(
    [(",", ":"), (", ", ": "), (",\n", " : "), (",", "\t:"), (", ", "\n:")]
)


@given(values, separators)
def test_what_has_each_name_once_is_read(value, written):
    raw = json.dumps(value, separators=written).encode()
    assert parse_json(raw) == value


@given(st.dictionaries(names, values, min_size=1, max_size=4), separators, st.data())
def test_a_name_given_twice_is_refused(members, written, data):
    again = data.draw(st.sampled_from(sorted(members)))
    comma, colon = written
    pairs = [
        f"{json.dumps(name)}{colon}{json.dumps(value, separators=written)}"
        for name, value in [*members.items(), (again, 1)]
    ]
    text = "{" + comma.join(pairs) + "}"
    wrapped = data.draw(st.sampled_from([text, f"[{text}]", f'{{"in"{colon}{text}}}']))
    with pytest.raises(InvalidRequest, match="occurs twice"):
        parse_json(wrapped.encode())


@given(st.lists(values, min_size=1, max_size=3), st.sampled_from(["]", "[", "{}", "", '"']))
def test_a_long_text_as_machines_write_it_is_read(parts, filling):
    value = [parts, [filling * 2_500], parts]
    assert parse_json(orjson.dumps(value)) == value


@given(st.lists(values, min_size=1, max_size=3), st.sampled_from(["]", "\\u0022:", "{}", "é"]))
def test_a_name_given_twice_in_a_long_text_is_refused(parts, filling):
    raw = f'{{"parts":{json.dumps(parts)},"a":"{filling * 2_500}","in":{{"b":1,"b":2}}}}'
    with pytest.raises(InvalidRequest, match="'b' occurs twice"):
        parse_json(raw.encode())


@pytest.mark.parametrize("filling", ["x", "[", "]]", "{"])
@pytest.mark.parametrize(("opening", "closing"), [("[[", "]]"), ('[{"a":', "}]")])
@pytest.mark.parametrize(("pairs", "is_too_deep"), [(32, False), (33, True), (150, True)])
def test_a_long_text_is_no_deeper_than_it_may_be(filling, opening, closing, pairs, is_too_deep):
    raw = f'[{opening * pairs}"{filling * 2_500}"{closing * pairs}]'.encode()
    if not is_too_deep:
        assert parse_json(raw) == json.loads(raw)
        return
    with pytest.raises(InvalidRequest, match="nested deeper"):
        parse_json(raw)


def test_a_byte_order_mark_before_the_text_is_passed_over():
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no body"),
        (b"\xef\xbb\xbf", "no body"),
        (b'{"a": 1}\xef\xbb\xbf', "line 1, column 9"),
        (b" \n", "no body"),
        (b'{"a": }', "line 1, column 7"),
        (b"[" * 70 + b"]" * 70, "nested deeper"),
    ],
)
def test_what_is_no_json_is_refused_with_the_place(raw, says):
    with pytest.raises(InvalidRequest, match=says):
        parse_json(raw)
