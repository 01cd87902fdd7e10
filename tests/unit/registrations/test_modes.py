"""What the modes of registrations demand and exclude (clauses 4.3.6.2, 4.3.6.3, 5.9.2.4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.errors import BadRequestData
from broker.model.registration import MODES
from broker.registrations.modes import check_mode, conflicts, entities_excluded
from tests.registrations import info, name, registration

ONE = {"type": "T", "id": "urn:x:1"}
TWO = {"type": "T", "id": "urn:x:2"}
OTHER = "urn:ngsi-ld:ContextSourceRegistration:2"


@pytest.mark.parametrize(
    ("information", "pointer"),
    [
        ([info(ONE)], "/information/0"),
        ([info("T", properties="p")], "/information/0/entities"),
        ([info(properties="p")], "/information/0/entities"),
        ([info({"type": "T", "idPattern": "x"}, properties="p")], "/information/0/entities"),
        ([info(ONE | {"idPattern": "x"}, properties="p")], "/information/0/entities"),
        ([info(ONE, properties="p"), info(ONE)], "/information/1"),
        ([info(ONE, properties="p"), info(TWO, properties="p")], "/information"),
    ],
)
def test_exclusive_is_for_attributes_of_one_entity(
    information: list[dict[str, Any]], pointer: str
) -> None:
    with pytest.raises(BadRequestData) as refused:
        check_mode(registration(*information, mode="exclusive"))
    assert refused.value.pointer == pointer
    for mode in ("inclusive", "redirect"):
        check_mode(registration(*information, mode=mode))


def test_exclusive_may_have_several_elements_for_its_entity() -> None:
    check_mode(registration(info(ONE, properties="p"), info(ONE, links="r"), mode="exclusive"))


@pytest.mark.parametrize(
    ("operations", "is_allowed"),
    [
        (["retrieveOps"], True),
        (["retrieveEntity", "queryEntity"], True),
        (["queryEntity", "updateEntity"], False),
        (["federationOps"], False),
        (None, False),
    ],
)
def test_auxiliary_is_for_reading(operations: list[str] | None, is_allowed: bool) -> None:
    one = registration(mode="auxiliary", operations=operations)
    if is_allowed:
        check_mode(one)
        return
    with pytest.raises(BadRequestData) as refused:
        check_mode(one)
    assert refused.value.pointer == "/operations"


@pytest.mark.parametrize(
    ("other", "is_in_conflict"),
    [
        (info(ONE, properties="p"), True),
        (info(ONE, properties="p q"), True),
        (info(ONE, properties="q"), False),
        (info(TWO, properties="p"), False),
        (info(ONE), True),
        (info("T"), True),
        (info("U"), False),
        (info({"type": ["T", "U"]}), False),
        (info({"type": "T", "idPattern": "1$"}), True),
        (info({"type": "T", "idPattern": "2$"}), False),
        (info({"type": "U", "id": "urn:x:1"}), True),
        (info(properties="p"), True),
        (info(properties="q"), False),
    ],
)
def test_exclusive_leaves_no_room(other: dict[str, Any], is_in_conflict: bool) -> None:
    """The same, whichever was there first; and the others are never in conflict."""
    exclusive = registration(info(ONE, properties="p"), mode="exclusive")
    redirect = registration(other, mode="redirect", id=OTHER)
    assert (conflicts(exclusive, [redirect]) is redirect) is is_in_conflict
    assert (conflicts(redirect, [exclusive]) is exclusive) is is_in_conflict
    inclusive = registration(other, id=OTHER)
    assert conflicts(exclusive, [inclusive]) is conflicts(inclusive, [exclusive]) is None


def test_a_registration_is_not_in_its_own_way_and_redirects_may_overlap() -> None:
    exclusive = registration(info(ONE, properties="p"), mode="exclusive")
    assert conflicts(exclusive, [exclusive]) is None
    redirect = registration(info("T"), mode="redirect")
    assert conflicts(redirect, [registration(info("T"), mode="redirect", id=OTHER)]) is None


@given(st.sampled_from(MODES), st.sampled_from(MODES))
def test_conflicts_need_an_exclusive_and_a_proxied_one(one: str, other: str) -> None:
    first = registration(info(ONE, properties="p"), mode=one)
    second = registration(info(ONE, properties="p"), mode=other, id=OTHER)
    proxied = {"exclusive", "redirect"}
    expected = {one, other} <= proxied and "exclusive" in {one, other}
    assert (conflicts(first, [second]) is not None) is expected


def test_entities_that_may_not_be_here() -> None:
    (exclusive,) = entities_excluded(registration(info(ONE, properties="p"), mode="exclusive"))
    assert exclusive.selectors[0].ids == ("urn:x:1",)
    assert exclusive.selectors[0].types == ()
    assert exclusive.attributes == (name("p"),)
    (redirect,) = entities_excluded(registration(info({"type": ["T", "U"]}), mode="redirect"))
    assert redirect.selectors[0].types == ((name("T"), name("U")),)
    assert redirect.attributes == ()
    assert list(entities_excluded(registration())) == []
