from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from adapters.runtime.errors import Misconfigured
from adapters.runtime.settings import Seconds, Secret, parse_settings, setting


@dataclass(frozen=True, slots=True)
class Source:
    url: str = setting(help="where to ask")
    limit: int | None = setting(None, help="at most so many")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    sources: list[Source] = setting([], help="what to poll")
    every: Seconds = setting(60.0, help="how often")
    ratio: float = setting(0.5, help="a share")
    kind: Literal["table", "map"] = setting("map", help="shape")
    folder: Path | None = setting(None, help="where")
    headers: dict[str, str] = setting({}, help="sent along")
    strict: bool = setting(False, help="refuse more")
    password: Secret | None = setting(None, help="secret")
    anything: Any = setting(None, help="anything")

    def __post_init__(self) -> None:
        if self.ratio > 1:
            raise ValueError("ratio is at most 1")


def faults(given):
    with pytest.raises(Misconfigured) as caught:
        parse_settings(Settings, given, where="adapters[0].settings")
    return caught.value.detail.splitlines()


def test_values_are_read_by_type():
    given = {
        "sources": [{"url": "http://a"}, {"url": "http://b", "limit": 3}],
        "every": "10m",
        "ratio": 1,
        "kind": "table",
        "folder": "/tmp/x",
        "headers": {"A": "b"},
        "strict": True,
        "anything": [1, "x"],
    }
    found = parse_settings(Settings, given, where="x")
    assert found.sources == [Source("http://a"), Source("http://b", 3)]
    assert (found.every, found.ratio, found.kind) == (600.0, 1.0, "table")
    assert found.folder == Path("/tmp/x")
    assert found.headers == {"A": "b"}
    assert found.anything == [1, "x"]


def test_defaults_are_not_shared():
    first = parse_settings(Settings, {}, where="x")
    first.headers["a"] = "b"
    assert parse_settings(Settings, None, where="x").headers == {}


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("30 s", 30), ("1.5h", 5400), ("1d", 86400), (7, 7.0)]
)
def test_durations(text, seconds):
    assert parse_settings(Settings, {"every": text}, where="x").every == seconds


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"evry": 3}, "unknown setting 'evry'; did you mean 'every'?"),
        ({"zzzzz": 3}, "unknown setting 'zzzzz'; known are: anything, every"),
        ({"every": "soon"}, "adapters[0].settings.every: expected a duration"),
        ({"every": -1}, "adapters[0].settings.every: expected a duration"),
        ({"ratio": "0.5"}, "adapters[0].settings.ratio: expected a number"),
        ({"ratio": True}, "adapters[0].settings.ratio: expected a number"),
        ({"ratio": 2}, "adapters[0].settings: ratio is at most 1"),
        ({"strict": "yes"}, "expected true or false"),
        ({"kind": "maps"}, "did you mean 'map'?"),
        ({"headers": ["a"]}, "expected names with values"),
        ({"sources": {"url": "x"}}, "expected a list"),
        ({"sources": [{"limit": 3}]}, "sources[0]: 'url' is missing: where to ask"),
        ({"sources": [{"url": "x", "limit": "3"}]}, "sources[0].limit: expected a whole number"),
        ("text", "expected settings by name"),
    ],
)
def test_faults_name_place_and_remedy(given, message):
    assert message in "\n".join(faults(given))


def test_every_fault_is_reported_at_once():
    assert len(faults({"evry": 1, "ratio": "x", "strict": 1})) == 3


def test_a_secret_of_the_wrong_kind_is_not_shown():
    (fault,) = faults({"password": 8731})
    assert "adapters[0].settings.password: expected text" in fault
    assert "8731" not in fault
