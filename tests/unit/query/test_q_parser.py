"""The query language of clause 4.9: what its texts mean, and what is said about other texts."""

import pytest

from broker.model.errors import BadRequestData, TooComplexQuery
from broker.query.ast import (
    And,
    Comparison,
    Exists,
    Linked,
    OneOf,
    Operand,
    Or,
    Path,
    Pattern,
    Range,
    attributes_of,
    linked_depth,
)
from broker.query.q_parser import parse_q
from tests.terms import NAMESPACE, TERMS


def path(*names, member=None, keys=()):
    return Path(tuple(NAMESPACE + name for name in names), member, keys)


def is_(value, *names, time=None, **where):
    return OneOf(path(*names, **where), (Operand(value, time),))


NOON = "2017-12-24T12:00:00.000000Z"
SPEED, RPM = (Comparison(path(name), ">", Operand(50)) for name in ("speed", "rpm"))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        # the examples of the clause
        ("temperature", Exists(path("temperature"))),
        ("temperature==20", is_(20, "temperature")),
        ('brandName!="Mercedes"', OneOf(path("brandName"), (Operand("Mercedes"),), True)),
        ('isParked=="urn:p:1"', is_("urn:p:1", "isParked")),
        (
            'speed>50;brandName=="Mercedes"',
            And((SPEED, is_("Mercedes", "brandName"))),
        ),
        ('((speed>50|rpm>50);x=="y")', And((Or((SPEED, RPM)), is_("y", "x")))),
        ("(speed>50;rpm>50)|x", Or((And((SPEED, RPM)), Exists(path("x"))))),
        (
            "temperature.observedAt>=2017-12-24T12:00:00Z",
            Comparison(
                path("temperature", member="observedAt"),
                ">=",
                Operand("2017-12-24T12:00:00Z", NOON),
            ),
        ),
        ('address[city]=="Berlin"', is_("Berlin", "address", keys=("city",))),
        (
            "sensor.rawdata[airquality.particulate]==40",
            is_(40, "sensor", "rawdata", keys=("airquality", "particulate")),
        ),
        ("sensor{humidity}==40", Linked(f"{NAMESPACE}sensor", (), is_(40, "humidity"))),
        (
            "sensor{Device:humidity}==40",
            Linked(f"{NAMESPACE}sensor", (f"{NAMESPACE}Device",), is_(40, "humidity")),
        ),
        (
            "a{T,U:b{c[d]}}<1",
            Linked(
                f"{NAMESPACE}a",
                (f"{NAMESPACE}T", f"{NAMESPACE}U"),
                Linked(f"{NAMESPACE}b", (), Comparison(path("c", keys=("d",)), "<", Operand(1))),
            ),
        ),
        # operands
        ("a==-1.5e3", is_(-1500.0, "a")),
        ("a==true", is_(True, "a")),
        ("a==1,2.5", OneOf(path("a"), (Operand(1), Operand(2.5)))),
        ('a=="x, \\"y\\"",false', OneOf(path("a"), (Operand('x, "y"'), Operand(False)))),
        ("a==1..2", Range(path("a"), Operand(1), Operand(2))),
        ("a!=1.5..2.5", Range(path("a"), Operand(1.5), Operand(2.5), True)),
        ('a=="b".."c"', Range(path("a"), Operand("b"), Operand("c"))),
        (
            "a==2017-12-24..2017-12-24T12:00:00Z",
            Range(
                path("a"),
                Operand("2017-12-24", "2017-12-24T00:00:00.000000Z"),
                Operand("2017-12-24T12:00:00Z", NOON),
            ),
        ),
        ("a==12:00:00Z", is_("12:00:00Z", "a", time="T12:00:00.000000Z")),
        ("a==urn:x:a..b", is_("urn:x:a..b", "a")),
        ("a==99999999999999999999", is_(1e20, "a")),
        ('a~="^x;[|)]\\d"', Pattern(path("a"), "^x;[|)]\\d")),
        ("a!~=^(x|y)$;b", And((Pattern(path("a"), "^(x|y)$", True), Exists(path("b"))))),
        ("!a;b", And((Exists(path("a"), is_negated=True), Exists(path("b"))))),
        # members and names
        ('modifiedAt>"2017-12-24T12:00:00Z"', Comparison(
            path(member="modifiedAt"), ">", Operand("2017-12-24T12:00:00Z", NOON))),
        ("a.unitCode==CEL", is_("CEL", "a", member="unitCode")),
        ("a.value>=3", Comparison(path("a"), ">=", Operand(3))),
        ("type==T", is_(f"{NAMESPACE}T", member="type")),
        ("a.objectType==T", is_(f"{NAMESPACE}T", "a", member="objectType")),
        ("気温==20", is_(20, "気温")),
        ("ex:a<=1", Comparison(Path(("ex:a",)), "<=", Operand(1))),
        ("https://x.org/a.b#c==1", OneOf(Path(("https://x.org/a.b#c",)), (Operand(1),))),
        # leniency
        ('color[*]=="rouge"', is_("rouge", "color")),
        ('color[zh-Hans]=="x"', is_("x", "color", keys=("zh-Hans",))),
        (" a == 1 ; b ", And((is_(1, "a"), Exists(path("b"))))),
    ],
)  # fmt: skip
def test_what_a_text_means(text, expression):
    assert parse_q(text, TERMS) == expression


def test_operands_of_expanded_attributes_are_iris():
    expression = parse_q('gender==Male;name=="Male"', TERMS, ("gender",))
    assert expression == And((is_(f"{NAMESPACE}Male", "gender"), is_("Male", "name")))


def test_operands_of_attributes_with_json_keys_stay_as_they_are():
    """Clause 4.9: nothing of them is expanded, whatever expandValues says."""
    expression = parse_q("gender==Male;a[b.c]==d", TERMS, ("gender", "a"), ("gender", "a"))
    assert expression == parse_q("gender==Male;a[b.c]==d", TERMS)
    by_iri = (f"{NAMESPACE}gender",)
    assert parse_q("gender==Male", TERMS, ("gender",), by_iri) == is_("Male", "gender")


@pytest.mark.parametrize("name", ["", "a b", "1", "a{b}"])
def test_what_is_no_attribute_can_neither_be_expanded_nor_be_json(name):
    for lists in (((name,), ()), ((), (name,))):
        with pytest.raises(BadRequestData):
            parse_q("a==b", TERMS, *lists)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", "the end", "an attribute name"),
        ("a;", "the end", "an attribute name"),
        ("1a", "character 1", "an attribute name"),
        ("a=1", "character 2", "'=='"),
        ("!a==1", "character 3", "the end"),
        ("!a{b}", "character 3", "the end"),
        ("!!a", "character 2", "an attribute name"),
        ("a==", "the end", "a value"),
        ("a==;b", "character 4", "a value"),
        ("a>1..2", "character 4", "one value"),
        ("a>>>4;c<<<5", "character 3", "a value"),
        ("a===b", "character 4", "a value"),
        ("a<1,2", "character 4", "one value"),
        ("a>true", "character 3", "a number, a text or a time"),
        ('a=="x', "character 4", "ends with a quotation mark"),
        ('a=="\\x"', "character 4", "a JSON string"),
        ('a=="\\ud800"', "character 4", "surrogates"),
        ("a=='x'", "character 4", "double quotation marks"),
        ("a==1..x", "character 4", "a range of two numbers"),
        ('a=="b"..1', "character 4", "a range of two numbers"),
        ("a==1..true", "character 4", "a range of two numbers"),
        ("a==12:00:00Z..2017-12-24", "character 4", "a range of two numbers"),
        ("a==1e999", "character 4", "a number up to"),
        ("a~=", "the end", "a regular expression"),
        ("(a", "the end", "')'"),
        ("a)", "character 2", "the end"),
        ("a b", "character 3", "the end"),
        ("a[]", "character 3", "member names"),
        ("a[b", "the end", "']'"),
        ("a[b[c]", "character 4", "']'"),
        ("a.observedAt[b]", "character 13", "no '['"),
        ("a{b", "the end", "'}'"),
        ("a.b{c}", "character 1", "one relationship"),
        ("))bad((", "character 1", "an attribute name"),
    ],
)
def test_errors_say_where_and_what(text, position, expected):
    with pytest.raises(BadRequestData) as caught:
        parse_q(text, TERMS)
    assert position in caught.value.detail
    assert expected in caught.value.detail
    assert caught.value.detail.startswith("q: at ")


@pytest.mark.parametrize("expression", ["(", "[a", "a{2,1}", r"(a)\1", "(?=a)", "a**b("])
def test_what_is_no_regular_expression_is_refused_with_the_reason(expression):
    with pytest.raises(BadRequestData, match="is not a regular expression"):
        parse_q(f'a~="{expression}"', TERMS)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 40_000,
        ";".join("a" * 201),
        "(" * 21 + "a" + ")" * 21,
        "{".join("a" * 22) + "}" * 21,
        "a==" + ",".join("1" * 1001),
        'a~="' + "x" * 1001 + '"',
    ],
)
def test_too_much_is_refused(text):
    with pytest.raises(TooComplexQuery):
        parse_q(text, TERMS)


def test_another_parameter_in_the_language_is_named():
    with pytest.raises(BadRequestData, match=r"^csf: "):
        parse_q("))", TERMS, parameter="csf")


def test_true_and_one_are_different_operands():
    assert parse_q("a==true", TERMS) != parse_q("a==1", TERMS)
    assert parse_q("a==1", TERMS) == parse_q("a==1.0", TERMS)


def test_attributes_and_depth_of_an_expression():
    expression = parse_q("a>1;(b{c{d}}|createdAt>2017-12-24);a.e[f]", TERMS)
    assert attributes_of(expression) == {NAMESPACE + "a", NAMESPACE + "b"}
    assert linked_depth(expression) == 2
    assert attributes_of(parse_q("modifiedAt", TERMS)) == frozenset()
