"""Stored instances keep what queries compare in one member, `value`, whatever their kind.

So `a.<name>.value` is the one path a condition on an attribute needs, and the one path to index.
The kinds with a single value member have it stored under that name instead of their own;
LanguageProperty and ListRelationship store the form `broker.query.targets` defines.
"""

from __future__ import annotations

from typing import Any

from broker.model.datetimes import comparable_time
from broker.query.targets import VALUE_MEMBERS, texts_of, uris_of

Document = dict[str, Any]

_RENAMED = {kind: member for kind, member in VALUE_MEMBERS.items() if member != "value"}
_SPECIAL = frozenset({*_RENAMED, "LanguageProperty", "ListRelationship"})


def add_comparable(document: Document) -> None:
    """Turn the encoded members of an instance into their stored form, in place.

    Adds `~t`, the value as it compares in time, where it is a time or an array with times.
    """
    kind = document["type"]
    if kind in _SPECIAL:
        _unify(document, kind)
    value = document.get("value")
    if value is not None and type(value) is not float and type(value) is not int:
        time = comparable_time(value)
        if time is not None:
            document["~t"] = time


def _unify(document: Document, kind: str) -> None:
    if kind == "LanguageProperty":
        if "languageMap" in document:
            language_map = document.pop("languageMap")
            document["value"] = [language_map, *texts_of(language_map)]
    elif kind == "ListRelationship":
        document["value"] = uris_of(document.get("objectList"))
    elif (member := _RENAMED[kind]) in document:
        document["value"] = document.pop(member)


def remove_comparable(instance: Document) -> None:
    """Undo `add_comparable` in a decoded instance, in place."""
    kind = instance.get("type")
    if kind not in _SPECIAL or "value" not in instance:
        return
    value = instance.pop("value")
    if kind == "LanguageProperty":
        instance["languageMap"] = value[0]
    elif kind != "ListRelationship":
        instance[_RENAMED[kind]] = value
