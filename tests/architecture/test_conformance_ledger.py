"""docs/conformance.md names modules and tests that exist, and every operation there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.api.routes import ROUTES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
LEDGER, CASES = TEXT.split("## Cases of the ETSI test suite")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in LEDGER.splitlines()
    if re.match(r"\| [\d–]", line)
]


def paths(text):
    return re.findall(r"`((?:broker|tests)/[\w/.]+)`", text)


def covers(clauses, clause):
    """Return whether `5.6.7 to 5.6.10, 5.6.20` has a clause."""
    wanted = number(clause)
    for part in clauses.split(","):
        ends = [number(end) for end in part.split(" to ") if end.strip()[0].isdigit()]
        if ends and ends[0] <= wanted[: len(ends[0])] <= ends[-1]:
            return True
    return False


def number(clause):
    return [int(part) for part in clause.strip().split(".")]


@pytest.mark.parametrize("path", sorted({*paths(TEXT)}))
def test_what_the_ledger_names_exists(path):
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}"[:60])
def test_every_row_has_a_state_and_what_is_done_is_shown(row):
    _, _, where, shown, state = row
    assert re.match(r"done|partly: |not yet", state)
    if not state.startswith("not yet"):
        assert any(path.startswith("broker/") for path in paths(where))
        assert any(path.startswith("tests/") for path in paths(shown))


@pytest.mark.parametrize("clause", sorted({route.clause for route in ROUTES}))
def test_every_operation_there_is_has_a_row_that_does_not_deny_it(clause):
    states = [row[4] for row in ROWS if covers(row[0], clause)]
    assert any(not state.startswith("not yet") for state in states)


def test_every_case_in_doubt_comes_with_its_reason():
    cases = [line for line in CASES.splitlines() if re.match(r"\| [\w]*\d", line)]
    assert cases
    assert all(len(line.strip("|").split("|")[2].strip()) > 40 for line in cases)
