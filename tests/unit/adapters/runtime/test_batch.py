"""What the broker's answers to a batch mean for each item."""

import orjson
import pytest

from adapters.runtime.batch import Again, Written, body_of, outcomes, request_of
from adapters.runtime.broker_client import Answer
from adapters.runtime.errors import Rejected

CREATED, UPDATED = Written.CREATED, Written.UPDATED


def found(ids, status, body=None):
    return outcomes(ids, Answer(status, b"" if body is None else orjson.dumps(body)))


def error(entity_id, **problem):
    return {"entityId": entity_id, "error": {"title": "no", **problem}}


def test_paths_and_bodies():
    assert request_of("update") == ("/entityOperations/upsert", {"options": "update"})
    assert request_of("replace") == ("/entityOperations/upsert", {"options": "replace"})
    assert request_of("merge") == ("/entityOperations/merge", {})
    assert body_of([b'{"a":1}', b"{}"]) == b'[{"a":1},{}]'


@pytest.mark.parametrize(
    ("ids", "status", "body", "expected"),
    [
        (["a", "b"], 204, None, [UPDATED, UPDATED]),
        (["a", "b"], 201, ["b"], [UPDATED, CREATED]),
        (["a", "b", "a"], 201, ["a"], [CREATED, UPDATED, UPDATED]),
        (["a"], 207, {"success": ["a"], "errors": []}, [UPDATED]),
        (["a"], 200, {"success": ["a"], "errors": []}, [UPDATED]),
    ],
)
def test_what_was_written(ids, status, body, expected):
    assert found(ids, status, body) == expected


def test_errors_go_to_their_items():
    body = {"success": ["a", "c"], "errors": [error("b", detail="bad", status=400)]}
    first, second, third = found(["a", "b", "c"], 207, body)
    assert (first, third) == (UPDATED, UPDATED)
    assert isinstance(second, Rejected)
    assert second.problem["detail"] == "bad"


def test_as_many_errors_as_instances_go_to_them_in_order():
    body = {"success": [], "errors": [error("a", detail="one"), error("a", detail="two")]}
    fates = found(["a", "a"], 207, body)
    assert [one.problem["detail"] for one in fates] == ["one", "two"]


def test_fewer_errors_than_instances_cannot_be_attributed():
    body = {"success": ["a"], "errors": [error("a")]}
    assert all(isinstance(one, Again) and one.alone for one in found(["a", "a"], 207, body))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_failed_for_the_brokers_reasons_is_sent_again(status):
    [fate] = found(["a"], 207, {"success": [], "errors": [error("a", status=status)]})
    assert isinstance(fate, Again)
    assert not fate.alone


@pytest.mark.parametrize("body", [None, {}, {"success": None, "errors": None}])
def test_an_answer_that_does_not_mention_an_item_does_not_say_it_was_written(body):
    [fate] = found(["a"], 207, body)
    assert isinstance(fate, Again)
    assert fate.alone


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"detail": "x"}', "x"),
        (b"<html>", "<html>"),
        (b"", None),
        (b"[1]", "[1]"),
        (b"\xff", "\ufffd"),
    ],
)
def test_every_answer_has_a_problem_to_show(body, detail):
    assert Answer(502, body).problem().get("detail") == detail
