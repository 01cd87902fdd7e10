import pytest

from adapters.runtime.errors import Misconfigured
from adapters.runtime.quality import RULES, Assessment, assess


def everything_done(**changes):
    return {**dict.fromkeys(RULES, "done"), **changes}


def test_every_rule_is_assessed_in_order():
    found = assess(everything_done(idempotent={"exempt": "it only counts"}), where="m")
    assert [one.rule for one in found] == list(RULES)
    assert Assessment("idempotent", "exempt", "it only counts") in found


@pytest.mark.parametrize(
    "value", [None, "later", {"exempt": ""}, {"exempt": "a", "todo": "b"}, {"done": "yes"}, 3]
)
def test_a_rule_without_a_proper_answer_is_a_fault(value):
    with pytest.raises(Misconfigured, match="idempotent: say"):
        assess(everything_done(idempotent=value), where="m")


def test_unknown_rules_name_the_nearest():
    with pytest.raises(Misconfigured, match="did you mean 'idempotent'"):
        assess(everything_done(idempotnt="done"), where="m")
