"""Settings of the rest adapter, and the mapping file they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adapters.runtime.settings import Seconds, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSpec:
    """How the pages of a document follow each other."""

    by: Literal["link", "url", "cursor", "page", "offset"] = setting(
        help="what leads to the next page: the Link header (rel=next), a URL or a cursor in the "
        "page, or a parameter that counts pages or items"
    )
    items: str = setting("", help="names that lead to the list of a page; empty: it is the list")
    next: str | None = setting(
        None, help="expression over the page for the URL or cursor of the next; null after the last"
    )
    parameter: str = setting("", help="query parameter of the cursor, page or offset")
    first: int | None = setting(None, help="its first value: 1 for pages, 0 for offsets")
    more: str | None = setting(None, help="expression over the page; null or false on the last")
    total: str | None = setting(None, help="expression over the page for the number of all items")
    most: int = setting(1000, help="more pages than this are a fault")
    time: Seconds = setting(600.0, help="time all pages together may take")

    def __post_init__(self) -> None:
        needed = NEEDED_BY_PAGES[self.by]
        for name in ("next", "parameter"):
            if bool(getattr(self, name)) != (name in needed):
                does = "needs" if name in needed else "does not take"
                raise ValueError(f"`by: {self.by}` {does} `{name}`")
        if self.by not in COUNTED and (self.more or self.total or self.first is not None):
            raise ValueError("first, more and total are for `by: page` and `by: offset`")
        if self.items and not all(self.items.split(".")):
            raise ValueError(f"items takes names joined by dots, found {self.items!r}")
        if self.most < 1:
            raise ValueError("most must be at least 1")

    @property
    def start(self) -> int | None:
        """What the parameter is for the first page."""
        if self.by not in COUNTED:
            return None
        return COUNTED[self.by] if self.first is None else self.first


NEEDED_BY_PAGES: dict[str, tuple[str, ...]] = {
    "link": (),
    "url": ("next",),
    "cursor": ("next", "parameter"),
    "page": ("parameter",),
    "offset": ("parameter",),
}
COUNTED = {"page": 1, "offset": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One document of the partner; what is not given is taken from the mapping file."""

    url: str | None = setting(None, help="where the document is; `{name}` is a value of `values`")
    every: Seconds | None = setting(None, help="ask for it no more often than this")
    method: Literal["GET", "POST"] | None = setting(None, help="HTTP method")
    body: str | None = setting(None, help="body of a POST")
    headers: dict[str, str] = setting({}, help="headers to send, such as a key")
    pages: PagesSpec | None = setting(None, help="how its pages follow each other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to poll, how often, and how its records become entities."""

    mapping: Path = setting(
        help="mapping file, or the name of one that comes with the adapter (jma-amedas, gbfs)"
    )
    every: Seconds = setting(600.0, help="time between two polls")
    jitter: float = setting(0.1, help="share of `every` by which a poll may be early or late")
    timeout: Seconds = setting(30.0, help="time one request may take")
    largest_body: int = setting(
        32_000_000, help="largest answer taken, all its pages together, in bytes"
    )
    longest_pause: Seconds = setting(3600.0, help="longest pause after failures")
    sources: dict[str, SourceSettings] = setting({}, help="what differs from the mapping's sources")

    def __post_init__(self) -> None:
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is a share from 0 to below 1, found {self.jitter}")
        if self.every <= 0:
            raise ValueError("every must be more than 0 seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """One document the mapping needs, in the mapping file."""

    url: str = setting("", help="where the document is; `{name}` is a value of `values`")
    values: dict[str, str] = setting(
        {}, help="expressions for the places in `url`, over the documents fetched before"
    )
    format: Literal["json", "text"] = setting("json", help="how to read the document")
    every: Seconds = setting(0.0, help="ask for it no more often than this")
    method: Literal["GET", "POST"] = setting("GET", help="HTTP method")
    body: str | None = setting(None, help="body of a POST")
    headers: dict[str, str] = setting({}, help="headers to send")
    pages: PagesSpec | None = setting(None, help="how its pages follow each other")

    def __post_init__(self) -> None:
        if self.pages is not None and self.format != "json":
            raise ValueError("pages are for `format: json`")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSpec:
    """A second document looked up for each record."""

    table: str = setting(help="expression for an object, or for a list of records")
    key: str | None = setting(None, help="expression for the key of a record of a list")
    by: str = setting(help="expression for the key to look up")
    required: bool = setting(True, help="whether a record without a partner is an error")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeSpec:
    """One attribute: exactly one of `value`, `constant`, `point`, `geometry`, `object`, `text`."""

    value: str | None = setting(None, help="expression for the value of a Property")
    constant: Any = setting(None, help="the value itself")
    text: str | None = setting(None, help="text with `{expressions}`")
    point: list[str] | None = setting(None, help="expressions for longitude and latitude")
    geometry: str | None = setting(None, help="expression for a GeoJSON geometry")
    object: str | None = setting(None, help="URI with `{expressions}`, for a Relationship")
    languages: dict[str, str] | None = setting(None, help="expression for each language")
    unitCode: str | None = setting(None, help="UN/CEFACT code of the unit")  # noqa: N815 - as on the wire
    observedAt: str | None = setting(None, help="expression for the time of observation")  # noqa: N815
    attributes: dict[str, AttributeSpec] = setting({}, help="attributes of the attribute")

    def __post_init__(self) -> None:
        given = [name for name in SOURCES_OF_VALUE if getattr(self, name) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(SOURCES_OF_VALUE)}; found {found}")
        if self.point is not None and len(self.point) != 2:
            raise ValueError("point takes two expressions: longitude, then latitude")


RESERVED = ("record", "adapter")
SOURCES_OF_VALUE = ("value", "constant", "text", "point", "geometry", "object", "languages")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySpec:
    """One entity made of a record."""

    id: str = setting(help="URI with `{expressions}`")
    type: str = setting(help="entity type")
    when: str | None = setting(None, help="expression; no entity where it is false or null")
    attributes: dict[str, AttributeSpec] = setting({}, help="attributes by name")


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSpec:
    """A mapping file."""

    title: str = setting(help="what it maps")
    attribution: str = setting("", help="who has to be named as the source")
    sources: dict[str, SourceSpec] = setting(help="the documents it needs, in order")
    records: str = setting(help="expression for the list of records")
    valid_for: str | None = setting(None, help="expression for seconds until the next poll")
    let: dict[str, str] = setting({}, help="values computed once for all records")
    join: dict[str, JoinSpec] = setting({}, help="second documents, by name")
    mode: Literal["update", "replace"] = setting(
        "update", help="`replace` also removes attributes a record no longer has"
    )
    entities: list[EntitySpec] = setting(help="what a record becomes")

    def __post_init__(self) -> None:
        names = [*RESERVED, *self.sources, *self.let, *self.join]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"a name stands for two things: {', '.join(twice)}")
        if not self.sources or not self.entities:
            raise ValueError("give at least one source and one entity")
