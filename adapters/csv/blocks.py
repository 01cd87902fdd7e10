"""Steps that put several columns together: positions, hazards, collection rules, the rest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.csv.cells import Attributes, Step, text_property
from adapters.csv.findings import RowFindings
from adapters.csv.layout import Column, Layout
from adapters.csv.values import flags, positions, weekdays
from adapters.csv.values.reading import Reading
from adapters.csv.values.text import folded, trimmed

_OTHER_DATUM: Final = ("tokyo", "日本測地系", "旧測地系", "jgd-tokyo", "epsg:4301")
_BOUNDS: Final = {"japan": positions.JAPAN, "world": positions.WORLD}


def position_rules(layout: Layout) -> positions.PositionRules:
    """Rules for positions as the layout states them (`[position] bounds, swap_allowed`)."""
    stated = layout.position
    bounds = stated.get("bounds", "japan")
    return positions.PositionRules(
        _BOUNDS[bounds] if isinstance(bounds, str) else tuple(bounds),
        swap_allowed=bool(stated.get("swap_allowed", False)),
    )


def position_step(
    places: Mapping[str, Sequence[int]], rules: positions.PositionRules
) -> Step | None:
    """`location` from columns of kinds latitude, longitude, position and dms, if there are any."""
    if "dms" in places and len(places["dms"]) == 6:
        used = list(places["dms"])
    elif "latitude" in places and "longitude" in places:
        used = [places["latitude"][0], places["longitude"][0]]
    elif "position" in places:
        used = list(places["position"][:2])
    else:
        return None
    datum = places["datum"][0] if "datum" in places else None

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        given = [cells[place] for place in used]
        if datum is not None and folded(cells[datum]).casefold() in _OTHER_DATUM:
            reading = Reading(
                problem="the position is in the old Tokyo Datum, about 400 m off",
                remedy="convert it to JGD2011",
            )
        else:
            reading = _read(given, rules)
        if reading.repair:
            findings.repaired(used[0], ", ".join(given), reading.repair)
        if reading.problem:
            findings.warn(used[0], ", ".join(given), reading.problem, reading.remedy)
            attributes["locationNote"] = text_property(", ".join(map(trimmed, given)))
        elif reading.value is not None:
            geometry = {"type": "Point", "coordinates": reading.value}
            attributes["location"] = {"type": "GeoProperty", "value": geometry}

    return step


def _read(given: list[str], rules: positions.PositionRules) -> Reading:
    if len(given) == 1:
        return positions.read_joined_position(given[0], rules)
    if len(given) == 2:
        if "," in given[0]:
            return positions.read_joined_position(given[0], rules)
        return positions.read_position(given[0], given[1], rules)
    return positions.read_dms_position(given, rules)


def marks_step(column: Column, members: Mapping[str, int]) -> Step:
    """An array of those members whose column is marked, e.g. the hazards a site is safe from.

    What is conditional, unknown or a dash goes to the attribute `unclear`, so that its absence from
    the array is never read as no, and so does a yes with words that restrict it (○ from the 2nd
    floor on); the cells stay beside it. A blank is no only where the layout says so
    (`blank = "no"`).
    """
    unclear_name = column.unclear or f"{column.attribute}Unclear"
    blank_is_no = column.blank == "no"

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        marked: list[str] = []
        unclear: dict[str, str] = {}
        for member, place in members.items():
            cell = cells[place]
            if not trimmed(cell):
                continue
            reading = flags.read_flag(cell)
            if reading.value is True and not reading.altered:
                marked.append(member)
            elif reading.value is not False:
                unclear[member] = trimmed(cell)
                reason = (
                    reading.problem
                    or f"{trimmed(cell)!r} is no plain yes or no; recorded as {unclear_name}"
                )
                findings.warn(
                    place, cell, reason, reading.remedy or "use 1 or ○ for yes and a blank for no"
                )
        if marked:
            attributes[column.attribute] = {"type": "Property", "value": marked}
        elif blank_is_no and not unclear:
            findings.warn(
                next(iter(members.values())),
                "",
                f"no {column.attribute} are marked",
                "check the row",
            )
        if unclear:
            published = "; ".join(f"{member}: {cell}" for member, cell in unclear.items())
            attributes[unclear_name] = {
                "type": "Property",
                "value": list(unclear),
                "asPublished": text_property(published),
            }

    return step


def recurrence_step(column: Column, members: Mapping[str, int]) -> Step:
    """Collection rules of several columns, one class of waste each."""

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        rules: list[dict[str, Any]] = []
        for waste_class, place in members.items():
            rule = trimmed(cells[place])
            if not rule:
                continue
            schedule = weekdays.read_recurrence(rule)
            entry: dict[str, Any] = {"wasteClass": waste_class, "rule": rule}
            if schedule is None:
                findings.warn(
                    place,
                    rule,
                    "not a rule of weekdays; kept as text",
                    "write for example 月 木 or 水2 水4",
                )
            else:
                entry["schedule"] = schedule
            rules.append(entry)
        if rules:
            attributes[column.attribute] = {"type": "Property", "value": rules}

    return step


def records_step(column: Column, members: Mapping[str, int]) -> Step:
    """One record of a list that the rows of a group fill together."""

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        record = {
            member: value for member, place in members.items() if (value := trimmed(cells[place]))
        }
        if record:
            attributes[column.attribute] = {"type": "Property", "value": [record]}

    return step


def other_columns_step(names: Mapping[int, str]) -> Step:
    """Columns that no attribute claims, kept as they are in `otherColumns`."""

    def step(cells: Sequence[str], attributes: Attributes, findings: RowFindings) -> None:
        kept = {name: value for place, name in names.items() if (value := trimmed(cells[place]))}
        if kept:
            attributes["otherColumns"] = {"type": "JsonProperty", "json": kept}

    return step
