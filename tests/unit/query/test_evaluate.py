"""The semantics at the end of clause 4.9, by its own examples."""

import pytest

from broker.model.entity import Entity
from broker.model.errors import BadRequestData
from broker.query.evaluate import compile_linked, compile_predicate
from broker.query.q_parser import parse_q
from tests.terms import NAMESPACE, TERMS


def holds(text, *instances, expand=(), **members):
    attributes = {f"{NAMESPACE}x": list(instances)} if instances else {}
    entity = Entity("urn:x:1", (f"{NAMESPACE}T",), attributes, **members)
    return compile_predicate(parse_q(text, TERMS, expand))(entity)


def prop(value, **members):
    return {"type": "Property", "value": value, **members}


def color(**languages):
    return {"type": "LanguageProperty", "languageMap": languages}


def link(target):
    return {"type": "Relationship", "object": target}


RED = color(fr="rouge", en="red", de="rot")
SWAPPED = color(fr="red", en="black", de="blue")
LISTS = color(fr=["chat", "rouge"], en=["red", "cat"], de=["rote", "Katze"])
VOCAB = {"type": "VocabProperty", "vocab": f"{NAMESPACE}Male"}
LINKS = {"type": "ListRelationship", "objectList": [{"object": "urn:a"}, {"object": "urn:b"}]}
TICKETS = {"type": "JsonProperty", "json": {"id": "85a6", "value": "Overstay 60 minutes"}}


@pytest.mark.parametrize(
    ("text", "instance", "expected"),
    [
        ('x=="red"', prop("red"), True),
        ('x=="red"', prop(["blue", "red", "green"]), True),
        ('x=="black","red"', prop("red"), True),
        ('x=="black","red"', prop(["red", "blue"]), True),
        ("x==10..20", prop(15), True),
        ("x==10..20", prop(20), True),
        ("x==10..20", prop([5, 25]), False),
        ('x=="5"', prop(5), False),
        ("x==1", prop(True), False),
        ("x==true", prop(True), True),
        ("x==5", prop(5.0), True),
        ('x!="red"', prop("black"), True),
        ('x!="red"', prop(["blue", "black", "green"]), True),
        ('x!="red"', prop(["blue", "red", "green"]), False),
        ('x!="black","red"', prop("blue"), True),
        ('x!="black","red"', prop(["blue", "red"]), False),
        ("x!=10..20", prop(9), True),
        ("x!=10..20", prop(15), False),
        ('x!="5"', prop(5), True),
        ("x>5", prop(6), True),
        ("x>5", prop(5), False),
        ("x>=5", prop(5), True),
        ("x<5", prop("4"), False),
        ("x<=5", prop(5.5), False),
        ('x>"a"', prop("b"), True),
        ('x~="^r.d$"', prop("red"), True),
        ('x~="r"', prop(5), False),
        ('x!~="r"', prop("blue"), True),
        ('x!~="r"', prop(5), False),
        ('x!~="r"', prop(["blue", "red"]), False),
        # times, in time
        ("x==2026-01-01T00:00:00Z", prop("2026-01-01T00:00:00,0Z"), True),
        ("x<2026-01-01T00:00:00.5Z", prop("2026-01-01T00:00:00Z"), True),
        ("x>2025-12-31", prop("2026-01-01T00:00:00Z"), True),
        ('x>="2026-01-01"', prop("2026-01-01"), True),
        ("x>2025-12-31", prop({"@type": "Date", "@value": "2026-01-01"}), True),
        ("x>2025-12-31", prop("zebra"), False),
        ("x>11:59:59Z", prop("12:00:00Z"), True),
        ("x==12:00:00.0Z", prop("12:00:00Z"), True),
        # the other kinds
        ('x[en]=="red"', RED, True),
        ('x[en]=="red"', SWAPPED, False),
        ('x[en]=="red"', LISTS, True),
        ('x=="red"', SWAPPED, True),
        ('x[*]=="rouge"', LISTS, True),
        ('x[en]!="red"', SWAPPED, True),
        ('x[en]!="red"', LISTS, False),
        ('x[es]!="red"', RED, False),
        ('x!="red"', RED, False),
        ('x!="green"', RED, True),
        ('x=="urn:a"', link("urn:a"), True),
        ("x==urn:b", link(["urn:a", "urn:b"]), True),
        ("x!=urn:b", link(["urn:a", "urn:b"]), False),
        ('x>"urn"', link("urn:a"), False),
        ('x~="urn"', link("urn:a"), False),
        ('x!~="nothing"', link("urn:a"), False),
        ("x==urn:b", LINKS, True),
        ('x>"urn"', LINKS, False),
        ("x==Male", VOCAB, False),
        ('x~="Male$"', VOCAB, True),
        ("x==3", {"type": "ListProperty", "valueList": [1, 3]}, True),
        ('x[value]=="Overstay 60 minutes"', TICKETS, True),
        # compound values
        ('x[city]=="Berlin"', prop({"city": "Berlin"}), True),
        ('x[city]!="Berlin"', prop({"street": "Ulrich"}), False),
        ("x[city]", prop({"city": None}), True),
        ("x[postcode]", prop({"city": "Berlin"}), False),
        ("x[a.b]==40", prop({"a": {"b": 40}}), True),
        ("x[a]==1", prop([{"a": 1}, {"a": 2}]), True),
        ("x[a]!=1", prop([{"a": 1}, {"a": 2}]), False),
        ('x[a]!~="^b"', prop([{"a": "a"}, {"a": 2}]), True),
        # members and sub-attributes
        ("x.observedAt>2025-12-31", prop(1, observedAt="2026-01-01T00:00:00Z"), True),
        ("x.observedAt", prop(1), False),
        ("x.observedAt!=2025-12-31", prop(1), False),
        ('x.unitCode=="CEL"', prop(1, unitCode="CEL"), True),
        ("x.y>1", prop(1, **{f"{NAMESPACE}y": [prop(2)]}), True),
        ("x.y", prop(1), False),
        # values no operand has the type of
        ("x>2025-12-31", prop([1, "2026-01-01"]), True),
        ("x>11:00:00Z", prop(5), False),
        ("x>11:00:00Z", prop("noon"), False),
        ('x==true,"a",3', prop("a"), True),
        ("x==1", prop(2**70), False),
        ("x==a", {"type": "ListRelationship"}, False),
        ("x==a", {"type": "LanguageProperty"}, False),
        ("x[a]", prop(5), False),
        ("x[0]==5", prop([5, 6]), True),
        ("x[7]==5", prop([5, 6]), False),
    ],
)
def test_a_term_holds_for_an_instance(text, instance, expected):
    assert holds(text, instance) is expected


def test_any_instance_of_an_attribute_will_do_but_for_one_term_at_a_time():
    two = (prop(5), prop(25, datasetId="urn:d:1"))
    assert holds("x==25", *two)
    assert holds("x!=25", *two)
    assert holds("x>20;x<10", *two)
    assert not holds("x==10..20", *two)


def test_an_absent_attribute_matches_nothing():
    for text in ("x", "x==1", "x!=1", 'x!~="a"', "x!=1..2", "x.y!=1", "x[y]!=1"):
        assert not holds(text)


def test_operands_expand_with_expand_values():
    assert holds("x==Male", VOCAB, expand=("x",))


def test_and_binds_tighter_than_or():
    assert holds("x==1|x==2;x==3", prop(1))
    assert not holds("(x==1|x==2);x==3", prop(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id", True),
        ('id~="^urn:x"', True),
        ("type==T", True),
        ("type!=T", False),
        ("scope", False),
        ("createdAt>2025-12-31", True),
        ("expiresAt", False),
        ("expiresAt!=2025-12-31", False),
    ],
)
def test_members_of_the_entity_can_be_asked_for(text, expected):
    assert holds(text, created_at="2026-01-01T00:00:00.000000Z") is expected


def test_linked_entities_are_followed_where_they_can_be_found():
    people = {
        "urn:ann": Entity("urn:ann", (f"{NAMESPACE}Person",), {f"{NAMESPACE}age": [prop(40)]}),
        "urn:bob": Entity("urn:bob", (f"{NAMESPACE}Robot",), {f"{NAMESPACE}age": [prop(2)]}),
    }
    owned = Entity("urn:x:1", ("T",), {f"{NAMESPACE}owner": [link(["urn:ann", "urn:none"])]})
    both = [{"object": "urn:ann"}, {"object": "urn:bob"}]
    shared = Entity(
        "urn:x:2",
        ("T",),
        {f"{NAMESPACE}owner": [{"type": "ListRelationship", "objectList": both}]},
    )
    for text, expected in (
        ("owner{age}==40", (True, True)),
        ("owner{age}==2", (False, True)),
        ("owner{Robot:age}>1", (False, True)),
        ("owner{name}", (False, False)),
    ):
        test = compile_linked(parse_q(text, TERMS), people.get)
        assert (test(owned), test(shared)) == expected
    with pytest.raises(BadRequestData, match="linked"):
        compile_predicate(parse_q("owner{age}==40", TERMS))(owned)
