"""What a query compares of an attribute instance (the "target value" of clause 4.9)."""

from __future__ import annotations

from typing import Any

from broker.model.entity import Instance

VALUE_MEMBERS = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
}
"""Kinds of attributes whose target value is one of their members as it stands."""

NOT_ORDERED = ("Relationship", "ListRelationship")
"""Kinds that only `==` and `!=` can match."""


def target_value(instance: Instance) -> Any:
    """Return the target value; a comparison holds for it or, in an array, for any element.

    A LanguageProperty gives an array of its language map (in which a language is looked up like a
    member of a compound value) followed by every text in it; a ListRelationship the array of URIs.
    """
    kind = instance["type"]
    member = VALUE_MEMBERS.get(kind)
    if member is not None:
        return instance.get(member)
    if kind == "LanguageProperty":
        language_map = instance.get("languageMap")
        return [language_map, *texts_of(language_map)]
    return uris_of(instance.get("objectList"))


def texts_of(language_map: Any) -> list[Any]:
    """Return every text of a language map, whose members are texts or arrays of texts."""
    texts: list[Any] = []
    for text in language_map.values() if isinstance(language_map, dict) else ():
        if isinstance(text, list):
            texts.extend(text)
        else:
            texts.append(text)
    return texts


def uris_of(object_list: Any) -> list[Any]:
    """Return the URIs of an `objectList`, whose elements are `{"object": URI}`."""
    if not isinstance(object_list, list):
        return []
    return [
        element.get("object") if isinstance(element, dict) else element for element in object_list
    ]
