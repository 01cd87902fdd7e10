from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api.context_negotiation import context_of_document, linked_context
from broker.contexts.link import CONTEXT_RELATION
from broker.model.errors import BadRequestData

URL = "https://example.org/context.jsonld"
LINK = f'<{URL}>; rel="{CONTEXT_RELATION}"; type="application/ld+json"'
NEXT = '</ngsi-ld/v1/entities?offset=20>; rel="next"; type="application/json"'


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ([], None),
        ([LINK], URL),
        ([NEXT], None),
        ([NEXT, LINK], URL),
        ([f"{NEXT}, {LINK}"], URL),
        ([f"{LINK},{NEXT}"], URL),
        ([LINK.replace("; ", ";")], URL),
        ([LINK.replace("; ", " ; ")], URL),
        ([f"<{URL}>; rel={CONTEXT_RELATION}"], URL),
        ([f'<{URL}>; REL="other {CONTEXT_RELATION}"'], URL),
        ([f'<{URL}>; type="application/ld+json"; rel="{CONTEXT_RELATION}"'], URL),
        ([f'<{URL}>; title="a, <b>; \\"c\\""; rel="{CONTEXT_RELATION}"'], URL),
        ([f'<{URL}?a=1,2>; rel="{CONTEXT_RELATION}"'], f"{URL}?a=1,2"),
        ([f'<{URL}>; rel="{CONTEXT_RELATION}";'], URL),
        ([f'<{URL}>; rel="next"; rel="{CONTEXT_RELATION}"'], None),
        ([LINK.replace(f'"{CONTEXT_RELATION}"', f"'{CONTEXT_RELATION}'")], URL),
        ([f"{LINK}',"], URL),
        (["nonsense"], None),
        ([""], None),
    ],
)
def test_the_context_link_is_found(values, url):
    assert linked_context(tuple(values)) == url


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([LINK, LINK.replace("context.jsonld", "other.jsonld")], "2 @contexts"),
        ([f"{LINK}, {LINK}"], "2 @contexts"),
        ([f'{URL}; rel="{CONTEXT_RELATION}"'], "cannot be read"),
        ([f'<{URL}; rel="{CONTEXT_RELATION}"'], "cannot be read"),
        ([f'<{URL}> rel="{CONTEXT_RELATION}"'], "cannot be read"),
        ([f'<>; rel="{CONTEXT_RELATION}"'], "no URL"),
    ],
)
def test_what_cannot_be_meant_is_refused(values, words):
    with pytest.raises(BadRequestData) as raised:
        linked_context(tuple(values))
    assert words in raised.value.detail


@given(st.text(alphabet='<>;,="\\ abc', max_size=60))
def test_no_link_without_the_relation_names_a_context(text):
    assert linked_context((text,)) is None


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
def test_json_takes_its_context_from_the_link(media_type):
    assert context_of_document({"id": "urn:a:b"}, media_type=media_type, link=URL) == URL
    assert context_of_document({"id": "urn:a:b"}, media_type=media_type, link=None) is None
    with pytest.raises(BadRequestData, match=r"application/ld\+json") as raised:
        context_of_document({"@context": URL}, media_type=media_type, link=None, pointer="/3")
    assert raised.value.pointer == "/3/@context"


@pytest.mark.parametrize("reference", [URL, {"a": "urn:a:b"}, [URL, {}], []])
def test_json_ld_takes_its_context_from_the_body(reference):
    document = {"@context": reference}
    found = context_of_document(document, media_type="application/ld+json", link=None)
    assert found == reference


@pytest.mark.parametrize(
    ("document", "link", "words"),
    [
        ({"@context": URL}, URL, "remove the Link header"),
        ({"id": "urn:a:b"}, URL, "remove the Link header"),
        ({"id": "urn:a:b"}, None, "has no @context"),
        ({"@context": None}, None, "has no @context"),
        (["urn:a:b"], None, "has no @context"),
    ],
)
def test_json_ld_without_a_context_of_its_own_is_refused(document, link, words):
    with pytest.raises(BadRequestData) as raised:
        context_of_document(document, media_type="application/ld+json", link=link)
    assert words in raised.value.detail
