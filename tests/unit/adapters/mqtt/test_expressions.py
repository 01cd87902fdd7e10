"""The expression language of the IoT Agents."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mqtt.expressions import InvalidExpression, compile_expression

CONTEXT = {
    "value": 6,
    "ts": 1637245214901,
    "name": "DevId629",
    "object": {"name": "John", "surname": "Doe"},
    "array": [1, 3],
    "place": "40.4165, -3.70256",
    "spaces": "  foobar ",
    "hum": 48.1,
    "on": True,
    "text": "21.5",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 * value", 30),
        ("(6 + value) * 3", 36),
        ("value / 12 + 1", 1.5),
        ("(5 + 2) * (value + 7)", 91),
        ("value * 5.2", 31.2),
        ("hum / 100", 0.481),
        ("2 ^ 3 + 1", 9),
        ("-value + 1", -5),
        ("7 // 2 + 7 % 4", 6),
        ("2 + 3 * 4 == 14", True),
        ("1 / 0", None),
        ('"Pruebas " + "De Strings"', "Pruebas De Strings"),
        ('name + " value is " + value', "DevId629 value is 6"),
        ("text * 2", 43),
        ("{coordinates: [value,value], type: 'Point'}", {"coordinates": [6, 6], "type": "Point"}),
        ("[1, 'a', {b: value}]", [1, "a", {"b": 6}]),
        ("object.name + ' ' + object['surname']", "John Doe"),
        ("array[1] + array.length", 5),
        ("array[7]", None),
        ("3 in array", True),
        ("'629' in name", True),
        ("value > 5 ? 'hot' : 'cold'", "hot"),
        ("value > 5 && !on ? 1 : 2", 2),
        ("nothing ?: 'default'", "default"),
        ("nothing || value", 6),
        ("nothing * 2", None),
        ("nothing + 'x'", None),
        ("nothing | trim", None),
        ("nothing == null", True),
        ("ts|toisodate", "2021-11-18T14:20:14.901Z"),
        ("'2021-11-18T14:20:14.901Z'|gettime", 1637245214901),
        ('" a "| trim', "a"),
        ("name|length", 8),
        ('name|indexOf("e")', 1),
        ('name|substr(0,name|indexOf("e")+1)', "De"),
        ("place | split(', ')[1] | parsefloat()", -3.70256),
        ("spaces | trim | replacestr('foo','FOO')", "FOObar"),
        ("'12.7kg'|parseint", 12),
        ("2.5|round", 3),
        ("21.456|tofixed(1)", "21.5"),
        ("'on'|mapper(['off','on'],[0,1])", 1),
        ("value|thmapper([5,10],['low','high'])", "high"),
        ("13|bitwisemask(12,'&',2)", 3),
        ("'{\"a\":1}'|jsonparse", {"a": 1}),
        ("array|addreduce", 4),
        ("'68656c6c6f'|hextostring", "hello"),
        ("{a: 1, b: 2, c: 1}|valuePicker(1)", ["a", "c"]),
        ("'nothing'|parseint", None),
    ],
)
def test_values(text: str, expected: Any) -> None:
    found = compile_expression(text).evaluate(CONTEXT)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the expression ends at 1"),
        ("1 +", "the expression ends at 4"),
        ("1 2", "unexpected 2 at 3"),
        ("(1", "instead of '\\)'"),
        ("'abc", 'unexpected "\'" at 1'),
        ("a = 1", "unexpected '=' at 3"),
        ("a ? 1", "instead of ':'"),
        ("value|shell", "'shell' does not exist"),
        ("value|replaceregexp('(a+)+','')", "is not supported here"),
        ("array[.x > 1]", "filters .* are not supported"),
        ("__import__('os').system('ls')", "unexpected '\\('"),
        ("(" * 50 + "1" + ")" * 50, "nested deeper than 40"),
        ("1+" * 2000 + "1", "longer than 2000"),
        ("1+" * 200 + "1", "more than 300 parts"),
        ("a b;c", "unexpected"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_place(text: str, reason: str) -> None:
    with pytest.raises(InvalidExpression, match=reason):
        compile_expression(text)


def test_variables_are_known() -> None:
    expression = compile_expression("a * b.c + d[0] | round")
    assert expression.variables == {"a", "b", "d"}
    assert expression.is_covered_by({"a": 0, "b": {}, "d": []})
    assert not expression.is_covered_by({"a": 0, "b": {}, "d": None})


TOKENS = st.sampled_from(
    [
        *("a", "b", "1", "2.5", "'x'", "+", "-", "*", "/", "(", ")", "[", "]", "{", "}", ":", ","),
        *(
            "|trim",
            "|round",
            "|split(',')",
            ".",
            "==",
            "<",
            "&&",
            "||",
            "!",
            "in",
            "null",
            "^",
            "?",
        ),
    ]
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.lists(TOKENS, max_size=12), VALUES, VALUES)
def test_any_text_is_refused_or_gives_a_value_for_any_context(
    parts: list[str], a: object, b: object
) -> None:
    with suppress(InvalidExpression):
        compile_expression(" ".join(parts)).evaluate({"a": a, "b": b})


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(1, 1000))
def test_arithmetic_is_that_of_integers(a: int, b: int, c: int) -> None:
    context = {"a": a, "b": b, "c": c}
    assert compile_expression("a + b * c - (a - b)").evaluate(context) == b * c + b
    assert compile_expression("a * c / c").evaluate(context) == a
