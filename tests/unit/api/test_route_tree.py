"""Which target a path leads to."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api.route_tree import RouteTree


def tree() -> RouteTree[str]:
    routes: RouteTree[str] = RouteTree()
    for method, template in (
        ("GET", "/things"),
        ("POST", "/things"),
        ("GET", "/things/{id}"),
        ("GET", "/things/{id}/parts/{part}"),
        ("POST", "/things/search"),
    ):
        routes.add(method, template, f"{method} {template}")
    return routes


@pytest.mark.parametrize(
    ("path", "target", "parts"),
    [
        ("/things", "GET /things", {}),
        ("/things/", "GET /things", {}),
        ("/things/1", "GET /things/{id}", {"id": "1"}),
        ("/things/1/", "GET /things/{id}", {"id": "1"}),
        ("/things/a%2Fb/parts/c", "GET /things/{id}/parts/{part}", {"id": "a/b", "part": "c"}),
        ("/th%69ngs", "GET /things", {}),
        ("/things/http://a.b/c", "GET /things/{id}", {"id": "http://a.b/c"}),
        (
            "/things/urn:a/b/parts/d",
            "GET /things/{id}/parts/{part}",
            {"id": "urn:a/b", "part": "d"},
        ),
        ("/things/http://a.b/c%20d/", "GET /things/{id}", {"id": "http://a.b/c d"}),
        (
            "/things/http://a.b/c/parts/d",
            "GET /things/{id}/parts/{part}",
            {"id": "http://a.b/c", "part": "d"},
        ),
        (
            "/things/1/parts/https://a.b/c",
            "GET /things/{id}/parts/{part}",
            {"id": "1", "part": "https://a.b/c"},
        ),
    ],
)
def test_a_path_leads_to_its_target(path: str, target: str, parts: dict[str, str]) -> None:
    found = tree().find(path)
    assert found is not None
    assert (found.targets["GET"], found.parts) == (target, parts)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/other",
        "/things//parts/c",
        "/things/1/parts",
        "/things/1/2",
        "//things",
        "/things/http://a.b/parts",
        "/other/http://a.b",
    ],
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert tree().find(path) is None


def test_a_fixed_segment_goes_before_a_variable_one() -> None:
    found = tree().find("/things/search")
    assert found is not None
    assert found.targets == {"POST": "POST /things/search"}


@given(st.text(min_size=1).filter(lambda text: text != "search"))
def test_any_text_comes_through_a_variable_segment(text: str) -> None:
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:  # half of a surrogate pair cannot be in a path
        return
    found = tree().find(f"/things/{encoded}/parts/x")
    assert found is not None
    assert found.parts["id"] == text


def test_a_target_is_not_replaced() -> None:
    with pytest.raises(ValueError, match="there already"):
        tree().add("GET", "/things/{other}", "another")
