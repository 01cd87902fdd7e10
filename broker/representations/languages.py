"""The language filter: one text out of a languageMap (clause 4.15)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.model.attributes import PROPERTY
from broker.model.entity import Instance
from broker.model.errors import BadRequestData
from broker.model.languages import NO_LANGUAGE

_RANGE = re.compile(
    r"\s*(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


@dataclass(frozen=True, slots=True)
class LanguageFilter:
    """Language ranges in lower case, the most wanted first; `*` stands for any language."""

    ranges: tuple[str, ...]


def parse_languages(text: str) -> LanguageFilter:
    """Return the filter of a parameter such as `fr-CH,fr;q=0.9,*;q=0.5` (RFC 3282).

    Ranges of the same quality keep their order, those of quality 0 are left out. Raises
    BadRequestData.
    """
    ranked: list[tuple[float, str]] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise BadRequestData(
                f"lang: {part.strip()!r} is not a language: write tags such as 'ja' or"
                " 'fr-CH,fr;q=0.9,*;q=0.5'."
            )
        quality = float(match[2] or 1)
        if quality > 0:
            ranked.append((quality, match[1].lower()))
    ranked.sort(key=lambda wanted: -wanted[0])
    return LanguageFilter(tuple(language for _, language in ranked))


def choose_language(languages: Mapping[str, Any], wanted: LanguageFilter) -> str:
    """Return the key of a languageMap that serves the filter best.

    For each range in turn: the tag itself, a tag of which it is the beginning (`en`: `en-US`),
    or the nearest tag that begins it (`nl-BE`: `nl`). Nothing found: `@none` if it is there,
    else the first language.
    """
    tags = {tag.lower(): tag for tag in languages}
    for language in wanted.ranges:
        if language == "*":
            break
        tag = _matching(tags, language)
        if tag is not None:
            return tag
    return NO_LANGUAGE if NO_LANGUAGE in languages else next(iter(languages))


def in_language(instance: Instance, wanted: LanguageFilter) -> Instance:
    """Return a LanguageProperty as the Property the filter makes of it, other members kept."""
    languages = instance["languageMap"]
    language = choose_language(languages, wanted)
    result: Instance = {"type": PROPERTY, "value": languages[language], "lang": language}
    for member, value in instance.items():
        if member not in {"type", "languageMap", "valueType"}:
            result[member] = value
    return result


def _matching(tags: Mapping[str, str], language: str) -> str | None:
    if language in tags:
        return tags[language]
    longer = next((tag for tag in tags if tag.startswith(f"{language}-")), None)
    if longer is not None:
        return tags[longer]
    while "-" in language:
        language = language.rpartition("-")[0]
        if language in tags:
            return tags[language]
    return None
