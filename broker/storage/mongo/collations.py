"""ICU collations as clients name them (RFC 6067), for the database, which brings ICU along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation
from pymongo.errors import OperationFailure

from broker.model.errors import BadRequestData

ROOT = "en"
"""The English collation is the root collation: it tailors nothing."""

_STRENGTHS = {"level1": 1, "level2": 2, "level3": 3, "level4": 4, "identic": 5}
_VARIANTS = frozenset({"bs_Cyrl", "de_AT", "fr_CA", "sr_Latn", "zh_Hant"})
_ROOT_NAMES = frozenset({"und", "root"})
_TYPES = {
    "phonebk": "phonebook",
    "trad": "traditional",
    "dict": "dictionary",
    "gb2312": "gb2312han",
}


def collation_of(tag: str | None) -> Collation:
    """Return the collation a language tag such as `de-u-co-phonebk-ks-level1` names.

    None is the root collation, the default of clause 4.23.1.
    """
    if tag is None:
        return Collation(ROOT)
    head, _, extension = tag.replace("_", "-").partition("-u-")
    keywords = _keywords(extension.split("-"))
    language, *subtags = head.split("-")
    locale = ROOT if language.lower() in _ROOT_NAMES else _locale(language, subtags)
    if "co" in keywords:
        kind = keywords["co"]
        locale = f"{locale}@collation={_TYPES.get(kind, kind)}"
    options: dict[str, Any] = {"locale": locale}
    if "ks" in keywords:
        options["strength"] = _STRENGTHS.get(keywords["ks"], 3)
    if "kf" in keywords:
        options["caseFirst"] = keywords["kf"] if keywords["kf"] in {"upper", "lower"} else "off"
    for key, option in (("kn", "numericOrdering"), ("kc", "caseLevel"), ("kb", "backwards")):
        if key in keywords:
            options[option] = keywords[key] in {"", "true"}
    if keywords.get("ka") == "shifted":
        options["alternate"] = "shifted"
    return Collation(**options)


def _locale(language: str, subtags: list[str]) -> str:
    """Return the database's name of a locale: with script or region only where that matters."""
    for subtag in subtags:
        locale = f"{language.lower()}_{subtag.upper() if len(subtag) == 2 else subtag.title()}"
        if locale in _VARIANTS:
            return locale
    return language.lower()


def _keywords(parts: Iterable[str]) -> dict[str, str]:
    keywords: dict[str, str] = {}
    key = ""
    for part in parts:
        lower = part.lower()
        if len(lower) == 2:
            key = lower
            keywords[key] = ""
        elif key:
            keywords[key] = "-".join(filter(None, (keywords[key], lower)))
    return keywords


async def ranks(
    database: AsyncDatabase[dict[str, Any]], texts: Iterable[str], tag: str | None
) -> dict[str, int]:
    """Return the rank of each text in a collation; texts the collation holds equal share one.

    Raises BadRequestData: the database has no such collation.
    """
    distinct = sorted(set(texts))
    if len(distinct) < 2:
        return dict.fromkeys(distinct, 0)
    pipeline: list[dict[str, Any]] = [
        {"$documents": [{"text": text} for text in distinct]},
        {"$setWindowFields": {"sortBy": {"text": 1}, "output": {"rank": {"$denseRank": {}}}}},
    ]
    try:
        cursor = await database.aggregate(pipeline, collation=collation_of(tag))
        return {document["text"]: document["rank"] async for document in cursor}
    except OperationFailure as error:
        if error.code != 2:
            raise
        raise BadRequestData(
            f'collation "{tag}" is not one this broker knows, for example und-u-ks-level1 or '
            "de-u-co-phonebk"
        ) from error
