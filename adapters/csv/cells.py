"""Steps that turn cells of a row into attributes, one kind of column after the other.

A step is a function `(cells, attributes, findings)`: it reads its cells of the row and adds to the
attributes, in normalized form, and to the findings. Steps are made once a file.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from adapters.csv.findings import RowFindings
from adapters.csv.layout import Column
from adapters.csv.municipality import register
from adapters.csv.values import codes, contacts, dates, flags, numbers, text, times, weekdays
from adapters.csv.values.reading import LONE_DASHES, SPREADSHEET_ERRORS, Reading

Attributes = dict[str, Any]
Step = Callable[[Sequence[str], Attributes, RowFindings], None]
Reader = Callable[[str], Reading]

_CACHED_KINDS: Final = frozenset(("flag", "date", "datetime", "time", "code", "number", "integer"))
_CACHE_SIZE: Final = 4096
_CELLS_REMEMBERED: Final = 1024


def text_property(value: str) -> dict[str, Any]:
    """A Property of plain text."""
    return {"type": "Property", "value": value}


def is_spreadsheet_error(cell: str, place: int, findings: RowFindings) -> bool:
    """Tell of a cell that holds the error of a formula, and thus no value."""
    is_error = text.trimmed(cell) in SPREADSHEET_ERRORS or not cell.strip("# ")
    if is_error:
        findings.warn(
            place, cell, "an error of the spreadsheet instead of a value", "export the table again"
        )
    return is_error


def step_for(column: Column, places: Sequence[int], order: dates.DateOrder) -> Step:
    """The step for a column of cells that stand for themselves."""
    several: Mapping[str, Callable[[Column, Sequence[int]], Step]] = {
        "urls": _urls,
        "list": _list,
        "capacity": _capacity,
        "weekdays": _weekdays,
        "timerange": _timerange,
        "pictures": _pictures,
    }
    if column.kind in several:
        return several[column.kind](column, places)
    if column.kind in ("text", "kana"):
        return RememberingStep(_text(column, places[0]), places[0])
    return RememberingStep(_single(column, places[0], _reader(column, order)), places[0])


class RememberingStep:
    """The step of one cell, which reads a cell once where it has nothing to tell about it.

    The cells of most columns are few (cities, hours, marks) and their attributes the larger part
    of an entity. Rows share them, so nobody may change an attribute once it is made. What is
    `known` of a cell may be taken without a call.
    """

    __slots__ = ("_step", "known", "place")

    def __init__(self, step: Step, place: int) -> None:
        self.place = place
        self.known: dict[str, Attributes] = {}
        self._step = step

    def __call__(self, cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        """Read the cell, and remember what it says if there is room."""
        if len(self.known) >= _CELLS_REMEMBERED:
            self._step(cells, attributes, findings)
            return
        told = findings.count()
        made: Attributes = {}
        self._step(cells, made, findings)
        attributes.update(made)
        if findings.count() == told:
            self.known[cells[self.place]] = made


def _reader(column: Column, order: dates.DateOrder) -> Reader:
    readers: Mapping[str, Reader] = {
        "url": text.read_url,
        "number": numbers.read_number,
        "integer": numbers.read_integer,
        "date": functools.partial(dates.read_date, order=order),
        "datetime": functools.partial(dates.read_datetime, order=order),
        "time": times.read_time,
        "phone": contacts.read_phone,
        "postal": contacts.read_postal_code,
        "corporate": codes.read_corporate_number,
        "figures": functools.partial(codes.read_figures, length=column.length),
        "code": functools.partial(codes.read_municipality_code, known=register().codes),
        "flag": functools.partial(flags.read_flag, marks=_marks(column)),
    }
    reader = readers[column.kind]
    if column.values and column.kind != "flag":
        reader = _with_words(reader, column.values)
    if column.kind in _CACHED_KINDS:
        reader = functools.lru_cache(_CACHE_SIZE)(reader)
    return reader


def _with_words(reader: Reader, words: Mapping[str, Any]) -> Reader:
    known = {text.comparable(word): value for word, value in words.items()}

    def read(cell: str) -> Reading:
        value = known.get(text.comparable(cell))
        return reader(cell) if value is None else Reading(value, altered=True)

    return read


def _marks(column: Column) -> Mapping[str, bool | str | None]:
    own = {text.folded(mark).casefold(): value for mark, value in column.values.items()}
    blank = {"": False} if column.blank == "no" else {}
    return {**flags.STANDARD_MARKS, **blank, **own}


_TYPED: Final = {"date": "Date", "datetime": "DateTime"}


def _single(column: Column, place: int, read: Reader) -> Step:
    name, unit = column.attribute, column.unit
    typed = _TYPED.get(column.kind)
    keeps_original = column.kind == "flag"
    blank_is_no = keeps_original and column.blank == "no"

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        cell = cells[place]
        if not cell:
            if blank_is_no:
                attributes[name] = {"type": "Property", "value": False}
            return
        if cell[0] == "#" and is_spreadsheet_error(cell, place, findings):
            return
        reading = read(cell)
        if reading.repair:
            findings.repaired(place, cell, reading.repair)
        if reading.problem:
            findings.warn(place, cell, reading.problem, reading.remedy)
            attributes[f"{name}Note"] = text_property(text.trimmed(cell))
        if reading.value is None:
            return
        value = {"@type": typed, "@value": reading.value} if typed else reading.value
        attribute: dict[str, Any] = {"type": "Property", "value": value}
        if unit:
            attribute["unitCode"] = unit
        if reading.altered or keeps_original:
            attribute["asPublished"] = text_property(text.trimmed(cell))
        attributes[name] = attribute

    return step


def _text(column: Column, place: int) -> Step:
    name = column.attribute
    read = text.read_kana if column.kind == "kana" else None
    translations = {text.comparable(word): value for word, value in column.values.items()}
    also = {text.comparable(word): attribute for word, attribute in column.also.items()}

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        value = text.trimmed(cells[place])
        if not value or value in LONE_DASHES:
            return
        if value[0] == "#" and is_spreadsheet_error(value, place, findings):
            return
        if damage := text.lost_characters(value):
            findings.warn(place, value, damage, "correct the text at the publisher")
        if read:
            reading = read(value)
            if reading.repair:
                findings.repaired(place, value, reading.repair)
            value = reading.value
        if translations or also:
            word = text.comparable(value)
            if word in also:
                attributes[also[word]] = {"type": "Property", "value": True}
            value = translations.get(word, value)
        attributes[name] = {"type": "Property", "value": value}

    return step


def split_list(cell: str, separators: str) -> list[str]:
    """Items of a list in one cell, in order and without repetition; parentheses are not cut."""
    items: list[str] = []
    depth, start = 0, 0
    for place, letter in enumerate(cell):
        if letter in "(（「『[":
            depth += 1
        elif letter in ")）」』]":
            depth = max(0, depth - 1)
        elif letter in separators and depth == 0:
            items.append(cell[start:place])
            start = place + 1
    items.append(cell[start:])
    return list(dict.fromkeys(item for item in map(text.trimmed, items) if item))


def _list(column: Column, places: Sequence[int]) -> Step:
    name, separators = column.attribute, column.separators
    values = {text.comparable(word): value for word, value in column.values.items()}

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        items = [item for place in places for item in split_list(cells[place], separators)]
        if values:
            known = [values[word] for item in items if (word := text.comparable(item)) in values]
            for item in items:
                if text.comparable(item) not in values:
                    findings.warn(
                        places[0], item, "not in the value table", "add the word to the mapping"
                    )
            items = known
        if items:
            attributes[name] = {"type": "Property", "value": items}

    return step


def _urls(column: Column, places: Sequence[int]) -> Step:
    name = column.attribute

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        found: list[str] = []
        for place in places:
            for part in re.split(r"[\s;；、]+|,(?=\s*https?:)", cells[place]):
                reading = text.read_url(part)
                if reading.problem:
                    findings.warn(place, part, reading.problem, reading.remedy)
                elif reading.value:
                    found.append(reading.value)
        if found:
            attributes[name] = {"type": "Property", "value": list(dict.fromkeys(found))}

    return step


def _pictures(column: Column, places: Sequence[int]) -> Step:
    plain = _urls(column, places)

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        cell = cells[places[0]].strip()
        if not cell.startswith("{"):
            plain(cells, attributes, findings)
            return
        try:
            pictures = json.loads(cell)
        except ValueError:
            findings.warn(
                places[0],
                cell,
                "not a JSON object from address to licence",
                'write {"https://…": "CC BY 4.0"}',
            )
            return
        attributes[column.attribute] = {"type": "Property", "value": list(pictures)}
        licences = sorted({str(licence) for licence in pictures.values() if licence})
        if licences:
            attributes["pictureLicense"] = text_property("; ".join(licences))

    return step


def _capacity(column: Column, places: Sequence[int]) -> Step:
    name, place = column.attribute, places[0]
    count = _single(column, place, _with_words(numbers.read_integer, column.values))

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        split = numbers.read_indoor_outdoor(cells[place])
        if split is None:
            count(cells, attributes, findings)
            return
        for suffix, people in zip(("Indoor", "Outdoor"), split, strict=True):
            if people is not None:
                attributes[f"{name}{suffix}"] = {"type": "Property", "value": people}
        attributes[f"{name}Note"] = text_property(text.trimmed(cells[place]))
        findings.repaired(place, cells[place], "people indoors and outdoors read from the sentence")

    return step


def _weekdays(column: Column, places: Sequence[int]) -> Step:
    plain = _text(column, places[0])

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        plain(cells, attributes, findings)
        if cells[places[0]] and (days := _known_weekdays(cells[places[0]])):
            attributes.setdefault("openingHoursSpecification", {"type": "Property", "value": [{}]})
            attributes["openingHoursSpecification"]["value"][0]["dayOfWeek"] = list(days)

    return step


@functools.lru_cache(512)
def _known_weekdays(cell: str) -> tuple[str, ...]:
    return tuple(weekdays.read_weekdays(cell) or ())


def _timerange(column: Column, places: Sequence[int]) -> Step:
    plain = _text(column, places[0])

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        plain(cells, attributes, findings)
        if hours := times.read_time_range(cells[places[0]]):
            specification = {"opens": hours[0], "closes": hours[1]}
            attributes["openingHoursSpecification"] = {"type": "Property", "value": [specification]}

    return step
