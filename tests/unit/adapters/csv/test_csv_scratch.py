"""Temporary files, and the findings and reports that use them."""

import orjson
import pytest

from adapters.csv.findings import Finding, FindingLog
from adapters.csv.report import FileReport, ReportFile
from adapters.csv.scratch import ScratchFile, text_of, told_when_full
from adapters.runtime.errors import RetryLater


def test_two_readers_do_not_disturb_each_other():
    file = ScratchFile("\n".join(map(str, range(300_000))).encode())
    first, second = text_of(file), text_of(file)
    assert all(one == other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_a_full_disk_is_told_with_what_to_do(error):
    expected = RetryLater if isinstance(error, OSError) else MemoryError
    with pytest.raises(expected) as raised, told_when_full():
        raise error
    if isinstance(error, OSError):
        assert "TMPDIR" in raised.value.detail


def test_findings_come_back_in_order_however_many_there_are():
    log = FindingLog()
    expected = [Finding(row, row % 3 or None, f"値{row}\n", "reason", "") for row in range(2500)]
    log += expected[:1200]
    assert list(log) == expected[:1200]
    log += expected[1200:]
    assert list(log) == expected
    assert len(log) == 2500


def report_of(file: str, rejected: int) -> FileReport:
    report = FileReport(file, outcome="imported")
    report.rows.read = report.rows.rejected = rejected
    report.rejected += [Finding(row, None, "x", "why") for row in range(rejected)]
    return report


def test_reports_are_one_document(tmp_path):
    path = tmp_path / "report.json"
    with ReportFile(path) as written:
        written.add(report_of("a.csv", 0))
        written.add(report_of("b.csv", 2))
        assert not path.exists()
    document = orjson.loads(path.read_bytes())
    assert [one["file"] for one in document["files"]] == ["a.csv", "b.csv"]
    assert [one["row"] for one in document["files"][1]["rejected"]] == [0, 1]
    assert document["totals"]["rejected"] == 2
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def stopped_after_one(path) -> None:
    with ReportFile(path) as written:
        written.add(report_of("a.csv", 1))
        raise KeyboardInterrupt


def test_an_import_that_is_stopped_leaves_the_reports_of_what_was_done(tmp_path):
    path = tmp_path / "report.json"
    with pytest.raises(KeyboardInterrupt):
        stopped_after_one(path)
    assert orjson.loads(path.read_bytes())["totals"]["rejected"] == 1


def test_a_report_of_nothing_takes_no_others_place(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("kept")
    with pytest.raises(KeyboardInterrupt), ReportFile(path):
        raise KeyboardInterrupt
    assert path.read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 1
