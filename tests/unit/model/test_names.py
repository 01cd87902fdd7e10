import pytest

from broker.model.names import is_name, is_term, is_uri
from broker.model.scopes import is_scope
from tests.terms import TERMS


@pytest.mark.parametrize(
    "text",
    [
        "urn:ngsi-ld:Building:1",
        "https://example.org/a?b=c#d",
        "urn:ngsi-ld:施設:避難所１",
        "urn:x:%E7%81%BD",
        "a:b",
    ],
)
def test_uris(text):
    assert is_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        ":x",
        "urn:",
        "1a:b",
        "urn:a b",
        "urn:a<b",
        "urn:a%zz",
        "urn:a\u202eb",
        "urn:a\u200bb",
        "urn:a\ufeffb",
        "urn:a\u2028b",
        "urn:a\u00a0b",
        "urn:a\ufe0fb",
        "urn:a\u3164b",
        "urn:a\uffa0b",
        "urn:\u115f\u1160",
        "urn:a\u2800b",
        "urn:a\nb",
        5,
        None,
        ["urn:a:b"],
    ],
)
def test_what_is_no_uri(text):
    assert not is_uri(text)


def test_a_long_text_that_is_no_uri_is_told_apart_at_once():
    assert not is_uri("urn:" + "a" * 100_000 + " ")


@pytest.mark.parametrize(
    "text", ["name", "n1_a", "výška_1", "避難所", "schema:name", "https://example.org/a-b"]
)
def test_names(text):
    assert is_name(text)


@pytest.mark.parametrize("text", ["", "9a", "_a", "a-b", "a b", "½a", "a:", "@type", "a\u0301"])
def test_what_is_no_name(text):
    assert not is_name(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("N-TOT", True), ("N-ORG", False), ("-N-TOT", False), ("N TOT", False), ("name", True)],
)
def test_a_term_may_have_hyphens_where_the_context_defines_it(text, expected):
    assert is_term(text, TERMS) is expected


@pytest.mark.parametrize(
    "text", ["/Madrid", "Madrid", "/Madrid/Gardens/ParqueNorte", "/兵庫/神戸_1"]
)
def test_scopes(text):
    assert is_scope(text)


@pytest.mark.parametrize("text", ["", "/", "9bad", "/a//b", "a-b", "/a/", "/a/½", 5, None, ["/a"]])
def test_what_is_no_scope(text):
    assert not is_scope(text)
