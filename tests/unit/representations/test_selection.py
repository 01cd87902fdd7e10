import pytest

from broker.model.errors import BadRequestData
from broker.representations.languages import LanguageFilter, choose_language, parse_languages
from broker.representations.selection import attrs_selection, depth_of, parse_selection

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
TEMPERATURE = "https://example.org/vocab#temperature"


def test_a_selection_is_a_list_of_names_and_of_what_is_behind_them(terms):
    assert parse_selection("id,temperature|scope", terms) == {
        "id": None,
        TEMPERATURE: None,
        "scope": None,
    }
    assert parse_selection("id, a{id,b{temperature}|c},ex:d", terms) == {
        "id": None,
        f"{DEFAULT}a": {
            "id": None,
            f"{DEFAULT}b": {TEMPERATURE: None},
            f"{DEFAULT}c": None,
        },
        "https://example.org/vocab#d": None,
    }
    assert parse_selection(["id", "a{b,c}"], terms) == parse_selection("id,a{b,c}", terms)


@pytest.mark.parametrize(
    "text",
    ["", ",", "a,", ",a", "a,,b", "a{", "a{}", "a{b", "a}", "a{b}}", "a{b}c", "id{a}", "a b", "9a"],
)
def test_what_is_no_selection(terms, text):
    with pytest.raises(BadRequestData, match="cannot be read"):
        parse_selection(text, terms)


def test_the_depth_of_a_selection(terms):
    assert depth_of(None) == 0
    assert depth_of(parse_selection("a,b", terms)) == 0
    assert depth_of(parse_selection("a,b{c,d{e}}", terms)) == 2


@pytest.mark.parametrize("name", ["id", "scope", "a{b}", "9a", ""])
def test_attrs_takes_attributes_only(terms, name):
    with pytest.raises(BadRequestData, match="attrs"):
        attrs_selection([name], terms)


def test_languages_are_ranked():
    assert parse_languages("fr-CH,fr;q=0.9, en ; q=0.8,*;q=0.5").ranges == (
        "fr-ch",
        "fr",
        "en",
        "*",
    )
    assert parse_languages("fr;q=0.2,nl;q=0.9,de;q=0").ranges == ("nl", "fr")


@pytest.mark.parametrize("text", ["", "fr,", "fr;q=2", "fr;x=1", "a_b", "123456789"])
def test_what_is_no_language_filter(text):
    with pytest.raises(BadRequestData, match="lang"):
        parse_languages(text)


@pytest.mark.parametrize(
    ("languages", "wanted", "chosen"),
    [
        ({"fr": 1, "nl": 2}, "nl", "nl"),
        ({"fr": 1, "nl": 2}, "NL", "nl"),
        ({"fr": 1, "nl": 2}, "nl-BE", "nl"),
        ({"en-US": 1, "de": 2}, "en", "en-US"),
        ({"de": 1, "en-US": 2}, "pt", "de"),
        ({"de": 1, "@none": 2}, "pt", "@none"),
        ({"de": 1, "fr": 2}, "pt,fr;q=0.5", "fr"),
        ({"de": 1, "fr": 2}, "pt,*;q=0.9,fr;q=0.5", "de"),
        ({"zh-Hant": 1, "zh": 2}, "zh-Hant-TW", "zh-Hant"),
        ({"en": 1, "zh": 2}, "zh-Hant-TW", "zh"),
        ({"de": 1}, "*", "de"),
    ],
)
def test_the_language_that_serves_best(languages, wanted, chosen):
    assert choose_language(languages, parse_languages(wanted)) == chosen
    assert choose_language(languages, LanguageFilter(())) in languages
