"""The register of municipalities: codes in use, names to codes, and where the town hall stands."""

import csv
import functools
import importlib.resources
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.csv.values.codes import municipality_check_digit
from adapters.csv.values.text import folded

PREFECTURES: Final = (
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県",
    "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県",
    "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県", "滋賀県", "京都府", "大阪府",
    "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県", "岡山県", "広島県", "山口県", "徳島県",
    "香川県", "愛媛県", "高知県", "福岡県", "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県",
    "鹿児島県", "沖縄県",
)  # fmt: skip
_BESIDE: Final = 0.7
_PREFECTURE: Final = re.compile("|".join(PREFECTURES))
_DISTRICT: Final = re.compile(r"[^市区町村]{1,6}郡|[^市区町村]{1,4}島(?=[^市区町村]{1,6}[町村])")


@dataclass(frozen=True, slots=True)
class Municipality:
    """A local government; the position is that of its town hall, None for a prefecture."""

    code: str
    prefecture: str
    name: str
    latitude: float | None = None
    longitude: float | None = None

    def distance_km(self, longitude: float, latitude: float) -> float | None:
        """Distance of a position from the town hall, in kilometres."""
        if self.latitude is None or self.longitude is None:
            return None
        north = (latitude - self.latitude) * 111.2
        east = (longitude - self.longitude) * 111.2 * math.cos(math.radians(self.latitude))
        return math.hypot(north, east)


class Register:
    """All local governments by code and by name."""

    def __init__(self, entries: Iterable[Municipality]) -> None:
        self._by_code = {entry.code: entry for entry in entries}
        self._by_name: dict[str, list[Municipality]] = {}
        for entry in self._by_code.values():
            self._by_name.setdefault(entry.name.replace(" ", ""), []).append(entry)

    @property
    def codes(self) -> Mapping[str, Municipality]:
        """Every local government by its six-digit code."""
        return self._by_code

    def nearest(self, longitude: float, latitude: float) -> tuple[Municipality, float]:
        """The municipality whose town hall is nearest to a position, and its distance in km."""
        located = [entry for entry in self._by_code.values() if entry.latitude is not None]
        beside = [one for one in located if abs((one.latitude or 0) - latitude) < _BESIDE]
        distances = (
            (entry, entry.distance_km(longitude, latitude) or 0.0) for entry in beside or located
        )
        return min(distances, key=lambda one: one[1])

    def named(self, name: str, prefecture: str = "") -> Municipality | None:
        """The one local government of this name; None when none or several have it."""
        plain = folded(name).replace(" ", "")
        if found := _PREFECTURE.match(plain):
            prefecture, rest = found[0], plain[found.end() :]
            if not rest:
                return self._by_code.get(_prefecture_code(prefecture))
            plain = rest
        for candidate in (plain, _DISTRICT.sub("", plain, count=1)):
            entries = self._by_name.get(candidate, [])
            if prefecture:
                entries = [entry for entry in entries if entry.prefecture == prefecture]
            if len(entries) == 1:
                return entries[0]
        return None

    def of_address(self, address: str, prefecture: str = "") -> Municipality | None:
        """The city, special ward, town or village an address begins with, None when not certain."""
        plain = folded(address).replace(" ", "")
        if found := _PREFECTURE.match(plain):
            prefecture, plain = found[0], plain[found.end() :]
        for text in (plain, _DISTRICT.sub("", plain, count=1)):
            for length in range(2, min(9, len(text)) + 1):
                if text[length - 1] in "市区町村" and (
                    found_here := self.named(text[:length], prefecture)
                ):
                    return found_here
        return None

    def named_in(self, text: str) -> Municipality | None:
        """The city whose full name, with 市, 区, 町 or 村, stands in a text such as a file name."""
        plain = folded(text).replace(" ", "")
        for found in re.finditer(r"[市区町村]", plain):
            for start in range(max(0, found.start() - 7), found.start()):
                if entry := self.named(plain[start : found.end()]):
                    return entry
        return None


@functools.cache
def register() -> Register:
    """The register shipped with the adapter (1,916 municipalities) and the 47 prefectures."""
    source = importlib.resources.files("adapters.csv") / "reference" / "municipalities.csv"
    rows = csv.DictReader(source.read_text("utf-8").splitlines())
    entries = [
        Municipality(
            row["code"],
            row["prefecture"],
            row["name"],
            float(row["latitude"]) if row["latitude"] else None,
            float(row["longitude"]) if row["longitude"] else None,
        )
        for row in rows
    ]
    entries += [Municipality(_prefecture_code(name), name, name) for name in PREFECTURES]
    return Register(entries)


def _prefecture_code(name: str) -> str:
    five = f"{PREFECTURES.index(name) + 1:02d}000"
    return five + municipality_check_digit(five)
