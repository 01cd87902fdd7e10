"""Reports as text for a terminal: totals first, then what needs a person and repairs, in groups."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.csv.findings import Finding
from adapters.csv.report import FileReport, totals_of
from adapters.csv.wording import counted

_SHOWN: Final = 5
_NOTES_SHOWN: Final = 20  # most tables have a few; a page of another kind has thousands
_VALUE_WIDTH: Final = 60
_NOTES: Final = ("note or total", "notes or totals")
_DELIMITERS: Final = {",": "comma", "\t": "tab", ";": "semicolon"}


def lines_of(report: FileReport, *, shown: int = _SHOWN) -> Iterator[str]:
    """One file's report; at most `shown` examples of each kind of finding, 0 for all."""
    most = len(report.rejected) + len(report.warnings) + len(report.remarks) + 1
    return _lines(report, shown or most)


def render_totals(reports: Iterable[FileReport]) -> str:
    """One line over all files."""
    reports = list(reports)
    refused = [report for report in reports if report.outcome == "refused"]
    total = totals_of(report for report in reports if report.outcome != "refused")
    in_refused = sum(report.rows.read for report in refused)
    left = f" ({in_refused} more in refused files)" if in_refused else ""
    files = f"{counted(len(reports), 'file')}, {len(refused)} refused"
    rows = f"{counted(total['read'], 'row')}{left}"
    others = f"{total['rejected']} rejected, {counted(total['ignored'], *_NOTES)}"
    if any(report.outcome == "checked" for report in reports):
        possible = total["read"] - total["rejected"] - total["ignored"]
        return f"{files}; {rows}: {possible} can be imported, {others}"
    return (
        f"{files}; {rows}: {total['created']} created, {total['updated']} updated, "
        f"{total['unchanged']} unchanged, "
        f"{total['superseded']} superseded, {others}"
    )


def _lines(report: FileReport, shown: int) -> Iterator[str]:
    yield f"{report.file}: {_headline(report)}"
    if report.reason:
        yield f"  reason: {report.reason}"
        yield f"  remedy: {report.remedy}"
    if report.encoding:
        delimiter = _DELIMITERS.get(report.delimiter, report.delimiter)
        yield f"  {report.encoding}, {delimiter}, header in row {report.header_row or '?'}"
    if report.layout:
        types = ", ".join(f"{count} {name}" for name, count in report.types.items())
        yield f"  layout {report.layout} ({report.layout_title}; {report.layout_reason})"
        yield f"  entities: {types or 'none'}"
    if report.municipality:
        yield f"  municipality {report.municipality}, from {report.municipality_found_in}"
    if report.license:
        yield f"  licence {report.license}"
    kept = [use.header for use in report.columns if use.attribute is None]
    if kept:
        yield f"  columns kept as they are: {', '.join(kept)}"
    yield from _notes(report.remarks, max(shown, _NOTES_SHOWN))
    yield from _findings(report, "rejected", report.rejected, shown)
    yield from _findings(report, "to check", report.warnings, shown)
    yield from _repairs(report)
    if report.vanished:
        names = ", ".join(report.vanished[:shown])
        number = counted(len(report.vanished), "entity is", "entities are")
        yield f"  {number} no longer in the file: {names}"


def _headline(report: FileReport) -> str:
    rows = report.rows
    left_out = f", {counted(rows.ignored, *_NOTES)} left out" if rows.ignored else ""
    if report.outcome == "refused":
        return "REFUSED, nothing was imported"
    if report.outcome == "checked":
        mappable = rows.read - rows.rejected - rows.ignored
        return (
            f"checked only: {counted(rows.read, 'row')}, {mappable} can be imported, "
            f"{rows.rejected} rejected{left_out}"
        )
    extra = f", {rows.superseded} superseded" if rows.superseded else ""
    extra += left_out
    return (
        f"{counted(rows.read, 'row')}: {rows.created} created, {rows.updated} updated, "
        f"{rows.unchanged} unchanged, {rows.rejected} rejected{extra}"
    )


def _notes(remarks: Sequence[str], shown: int) -> Iterator[str]:
    yield from (f"  note: {remark}" for remark in remarks[:shown])
    if len(remarks) > shown:
        yield f"  note: {len(remarks) - shown} more (all with --report FILE or --verbose)"


@dataclass(slots=True)
class _Alike:
    """Findings that say the same: the first of them and how many there are."""

    first: Finding
    count: int = 0


def _findings(
    report: FileReport, label: str, findings: Iterable[Finding], shown: int
) -> Iterator[str]:
    groups: dict[tuple[int | None, str, str], _Alike] = {}
    left = 0
    for finding in findings:
        key = (finding.column, finding.value, finding.reason)
        if key in groups or len(groups) < shown:
            groups.setdefault(key, _Alike(finding)).count += 1
        else:
            left += 1
    for alike in groups.values():
        finding = alike.first
        value = f" {_short(finding.value)!r}:" if finding.value else ":"
        remedy = f" - {finding.remedy}" if finding.remedy else ""
        where = f"{report.place(finding)}{_more(alike)}"
        yield f"  {label}: {where}{value} {finding.reason}{remedy}"
    if left:
        yield f"  {label}: {left} more (all with --report FILE or --verbose)"


def _repairs(report: FileReport) -> Iterator[str]:
    groups: dict[tuple[int | None, str], _Alike] = {}
    for finding in report.repairs:
        groups.setdefault((finding.column, _kind(finding)), _Alike(finding)).count += 1
    for (column, kind), alike in groups.items():
        where = report.place(Finding(alike.first.row, column, "", ""))
        yield f"  put right: {where}{_more(alike)}: {kind} (e.g. {_short(alike.first.value)!r})"


def _more(alike: _Alike) -> str:
    return f" and {counted(alike.count - 1, 'more row')}" if alike.count > 1 else ""


def _kind(finding: Finding) -> str:
    """The repair without what differs from row to row."""
    reason = finding.reason
    if " of the municipality code restored" in reason:
        return reason.partition(": ")[0]
    if reason.startswith("era date"):
        return "era date written as YYYY-MM-DD"
    if reason.startswith("time read, the words"):
        return "time read, the words around it kept as a note"
    return reason


def _short(value: str) -> str:
    plain = " ".join(value.split())
    return plain if len(plain) <= _VALUE_WIDTH else plain[: _VALUE_WIDTH - 1] + "…"
