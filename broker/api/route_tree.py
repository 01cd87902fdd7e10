"""Paths with variable parts, found by their segments. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    fixed: dict[str, _Node[T]] = field(default_factory=dict)
    variable: _Node[T] | None = None
    names: tuple[str, ...] = ()
    targets: dict[str, T] = field(default_factory=dict)


class Found(NamedTuple, Generic[T]):
    """What a path leads to: a target for each method, and its variable parts, decoded."""

    targets: dict[str, T]
    parts: dict[str, str]


class RouteTree(Generic[T]):
    """Leads from the path of a request to what its methods stand for.

    A template such as `/entities/{entityId}/attrs` has a name in braces for each variable segment,
    which matches anything but nothing. A fixed segment goes before a variable one, and a path may
    end in a slash, as clause 6.2 writes some. An identifier with a scheme (`http://example.org/a`)
    may have its slashes unencoded, too: it goes up to a fixed segment that can follow, or the end.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, template: str, target: T) -> None:
        """Add a target; one that is there for the same method and path is a ValueError."""
        node = self._root
        names: list[str] = []
        for segment in template.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.fixed.setdefault(segment, _Node())
        if method in node.targets:
            raise ValueError(f"{method} {template} is there already")
        node.names = tuple(names)
        node.targets[method] = target

    def find(self, raw_path: str) -> Found[T] | None:
        """Return what a path leads to; `raw_path` is percent-encoded, without a query."""
        segments = raw_path.split("/")
        if not segments[-1]:
            segments.pop()
        if "%" in raw_path:
            segments = [unquote(segment) for segment in segments]
        node = self._root
        values: list[str] = []
        for segment in segments[1:]:
            following = node.fixed.get(segment)
            if following is None:
                following = node.variable
                if following is None or not segment:
                    return self._find_with_bare_uris(segments) if ":" in raw_path else None
                values.append(segment)
            node = following
        return _found(node, values)

    def _find_with_bare_uris(self, segments: list[str]) -> Found[T] | None:
        node = self._root
        values: list[str] = []
        at = 1
        while at < len(segments):
            following = node.fixed.get(segments[at])
            end = at + 1
            if following is None:
                following = node.variable
                if following is None or not segments[at]:
                    return None
                if ":" in segments[at]:
                    end = _end_of_uri(segments, end, following.fixed)
                values.append("/".join(segments[at:end]))
            node, at = following, end
        return _found(node, values)


def _found(node: _Node[T], values: list[str]) -> Found[T] | None:
    if not node.targets:
        return None
    return Found(node.targets, dict(zip(node.names, values, strict=True)) if values else {})


def _end_of_uri(segments: list[str], start: int, following: Collection[str]) -> int:
    rest = range(start, len(segments))
    return next((at for at in rest if segments[at] in following), len(segments))
