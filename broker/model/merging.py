"""How parts of attributes are put together: merge patch (5.5.12) and partial update (5.5.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from broker.model.attributes import (
    GEO_PROPERTY,
    JSON_PROPERTY,
    LANGUAGE_PROPERTY,
    LIST_PROPERTY,
    LIST_RELATIONSHIP,
    MEMBERS,
    PROPERTY,
    RELATIONSHIP,
    SEALED_MEMBERS,
    VALUE_MEMBER,
    VOCAB_PROPERTY,
)
from broker.model.draft import stamped
from broker.model.entity import NULL, Instance, instance_of
from broker.model.errors import BadRequestData
from broker.model.fragment import is_deletion
from broker.model.geometry import decoded, geometry_flaw, looks_like_geometry
from broker.model.languages import NO_LANGUAGE, is_language_tag
from broker.model.names import is_uri
from broker.model.terms import Terms


@dataclass(frozen=True, slots=True)
class MergeDefaults:
    """What a merge applies where the fragment does not say it itself (clause 5.6.17).

    `observed_at` goes to existing attributes that have an observedAt, `lang` is the language of
    texts given for a LanguageProperty, `terms` expand texts given for a VocabProperty.
    """

    observed_at: str | None = None
    lang: str | None = None
    terms: Terms | None = None

    def with_terms(self, terms: Terms | None) -> MergeDefaults:
        """Return the same with other terms."""
        return replace(self, terms=terms)


_NO_DEFAULTS = MergeDefaults()


def completed(name: str, instance: Instance) -> Instance:
    """Return an instance of a fragment as one that can stand alone.

    Its type is inferred where it is missing, and NULLs inside its value are dropped. Raises
    BadRequestData if it has no value.
    """
    kind = instance.get("type")
    if kind is None:
        if "value" not in instance:
            raise _refusal(name, "does not exist yet and the fragment gives it no value")
        kind = GEO_PROPERTY if looks_like_geometry(instance["value"]) else PROPERTY
    value_member = VALUE_MEMBER[kind]
    if value_member not in instance:
        reason = f"does not exist yet and the fragment has no '{value_member}' for it"
        raise _refusal(name, reason)
    result: Instance = {"type": kind}
    for member, value in instance.items():
        if ":" in member:
            result[member] = [sub if is_deletion(sub) else completed(member, sub) for sub in value]
        elif member != "type":
            result[member] = value
    result[value_member] = _checked(name, kind, merged_value(None, instance[value_member]))
    _check_members(name, kind, result)
    return result


def merged_instance(
    name: str, target: Instance, patch: Instance, defaults: MergeDefaults, now: str
) -> Instance | None:
    """Return an instance after a merge, None if nothing is left of it.

    Raises BadRequestData if the fragment does not fit the type of the target, which stays.
    """
    kind = target["type"]
    patch = _typed(name, patch, kind, defaults)
    _check_members(name, kind, patch)
    result = dict(target)
    for member, value in patch.items():
        if ":" in member:
            _merge_sub_attribute(result, member, value, defaults, now)
        elif value == NULL:
            result.pop(member, None)
        elif member == VALUE_MEMBER[kind]:
            result[member] = value if kind == GEO_PROPERTY else merged_value(result[member], value)
        elif member not in {"type", "datasetId"}:
            result[member] = value
    if kind == LANGUAGE_PROPERTY and not result["languageMap"]:
        return None
    if defaults.observed_at and "observedAt" in target and "observedAt" not in patch:
        result["observedAt"] = defaults.observed_at
    result["modifiedAt"] = now
    return result


def updated_instance(name: str, target: Instance, patch: Instance, now: str) -> Instance:
    """Return an instance after a partial update: the members given replace those present.

    Raises BadRequestData if the fragment is of another type than the target.
    """
    kind = target["type"]
    if "type" not in patch and "value" in patch and kind not in (PROPERTY, GEO_PROPERTY):
        reason = f"is a {kind}: its value is the member '{VALUE_MEMBER[kind]}'"
        raise _refusal(name, reason)
    patch = _typed(name, patch, kind, _NO_DEFAULTS)
    _check_members(name, kind, patch)
    result = dict(target)
    for member, value in patch.items():
        if ":" in member:
            _replace_sub_attribute(result, member, value, now)
        elif value == NULL:
            result.pop(member, None)
        elif member not in {"type", "datasetId"}:
            result[member] = value
    result["modifiedAt"] = now
    return result


def merged_value(target: Any, patch: Any) -> Any:
    """Return a JSON value after a JSON merge patch whose nulls are NGSI-LD Nulls (RFC 7396)."""
    if type(patch) is not dict or patch.get("@type") == "@json":
        return patch
    result = dict(target) if type(target) is dict else {}
    for key, value in patch.items():
        if value == NULL:
            result.pop(key, None)
        else:
            result[key] = merged_value(result.get(key), value)
    return result


def _merge_sub_attribute(
    result: Instance, name: str, patches: list[Instance], defaults: MergeDefaults, now: str
) -> None:
    for patch in patches:
        present = result.get(name, [])
        previous = instance_of(present, patch.get("datasetId"))
        after: Instance | None
        if is_deletion(patch):
            after = None
        elif previous is None:
            after = stamped(completed(name, patch), None, now)
        else:
            after = merged_instance(name, previous, patch, defaults, now)
        _exchange(result, name, previous, after)


def _replace_sub_attribute(result: Instance, name: str, patches: list[Instance], now: str) -> None:
    for patch in patches:
        previous = instance_of(result.get(name, []), patch.get("datasetId"))
        after = None if is_deletion(patch) else stamped(completed(name, patch), previous, now)
        _exchange(result, name, previous, after)


def _exchange(result: Instance, name: str, before: Instance | None, after: Instance | None) -> None:
    """Put `after` into the place of `before` among the instances of a sub-attribute."""
    present = result.get(name, [])
    if before is None:
        instances = present if after is None else [*present, after]
    else:
        exchanged = (after if instance is before else instance for instance in present)
        instances = [instance for instance in exchanged if instance is not None]
    if instances:
        result[name] = instances
    else:
        result.pop(name, None)


def _typed(name: str, patch: Instance, kind: str, defaults: MergeDefaults) -> Instance:
    """Return a patch that says of its value what the type of its target calls it."""
    declared = patch.get("type")
    if declared is not None and declared != kind:
        reason = f"is a {kind} and cannot become a {declared} this way: replace the attribute"
        raise _refusal(name, reason)
    if declared is not None or "value" not in patch:
        return patch
    value = _value_as(name, kind, patch["value"], defaults)
    return {**{m: v for m, v in patch.items() if m != "value"}, VALUE_MEMBER[kind]: value}


def _value_as(name: str, kind: str, value: Any, defaults: MergeDefaults) -> Any:
    """Return a value that stands alone as that of an attribute whose type stays (5.6.17.4)."""
    if kind == GEO_PROPERTY:
        value = decoded(value)
    if kind not in _ALONE:
        return _checked(name, kind, value)
    interpret, expected = _ALONE[kind]
    interpreted = interpret(value, defaults)
    if interpreted is None:
        raise _refusal(name, f"is a {kind}, which takes {expected}")
    return interpreted


def _object_alone(value: Any, _defaults: MergeDefaults) -> Any:
    return value if is_uri(value) or _is_uris(value) else None


def _object_list_alone(value: Any, _defaults: MergeDefaults) -> Any:
    return [{"object": uri} for uri in value] if _is_uris(value) else None


def _json_alone(value: Any, _defaults: MergeDefaults) -> Any:
    return value if type(value) in (dict, list) else None


def _vocab_alone(value: Any, defaults: MergeDefaults) -> Any:
    names = value if type(value) is list else [value]
    if defaults.terms is None or not names:
        return None
    if not all(type(name) is str and name and name != NULL for name in names):
        return None
    iris = [defaults.terms.expand(name) for name in names]
    return iris if type(value) is list else iris[0]


def _language_map_alone(value: Any, defaults: MergeDefaults) -> Any:
    if type(value) is dict:
        tags = all(tag == NO_LANGUAGE or is_language_tag(tag) for tag in value)
        return value if tags and all(map(_is_texts, value.values())) else None
    return {defaults.lang: value} if defaults.lang is not None and _is_texts(value) else None


_ALONE: Mapping[str, tuple[Callable[[Any, MergeDefaults], Any], str]] = {
    RELATIONSHIP: (_object_alone, "a URI or an array of URIs"),
    LIST_RELATIONSHIP: (_object_list_alone, "an array of URIs"),
    JSON_PROPERTY: (_json_alone, "an object or an array"),
    VOCAB_PROPERTY: (_vocab_alone, "a term or an array of terms"),
    LANGUAGE_PROPERTY: (
        _language_map_alone,
        "a languageMap, or a text together with the parameter 'lang'",
    ),
}
"""How a value that stands alone is that of each kind (None: it cannot be), and what would be."""


def _checked(name: str, kind: str, value: Any) -> Any:
    if kind == GEO_PROPERTY and (flaw := geometry_flaw(value)) is not None:
        raise _refusal(name, f"is a GeoProperty: {flaw.reason}")
    if kind == LANGUAGE_PROPERTY and not value:
        raise _refusal(name, "does not exist yet and the fragment gives it no text")
    if kind == LIST_PROPERTY and type(value) is not list:
        raise _refusal(name, "is a ListProperty, which takes an array of values")
    return value


def _is_uris(value: Any) -> bool:
    return type(value) is list and all(map(is_uri, value))


def _is_texts(value: Any) -> bool:
    return type(value) is str or (type(value) is list and all(type(text) is str for text in value))


def _check_members(name: str, kind: str, patch: Instance) -> None:
    allowed = MEMBERS[kind]
    for member in patch:
        if ":" not in member and member not in allowed and member not in SEALED_MEMBERS:
            raise _refusal(name, f"is a {kind}, which cannot have the member '{member}'")


def _refusal(name: str, reason: str) -> BadRequestData:
    return BadRequestData(f"<{name}> {reason}.", attribute_names=(name,))
