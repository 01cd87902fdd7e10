"""What came of reading one cell."""

from typing import Any, Final, NamedTuple

LONE_DASHES: Final = frozenset(
    ("-", "--", "---", "ー", "―", "—", "–", "‐", "−", "－", "‥", "…", "ｰ", "──", "ーー")
)  # fmt: skip
NOT_STATED_MARKS: Final = LONE_DASHES | {"・", "/", "／", "N/A", "n/a", "NA", "null", "NULL"}

SPREADSHEET_ERRORS: Final = frozenset(
    ("#N/A", "#VALUE!", "#REF!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!")
)


class Reading(NamedTuple):
    """The value read from a cell, or why there is none.

    `value` is None when nothing is stated or the text could not be read; `problem` tells the two
    apart. `repair` says what was done to the text to read it. `altered` means that the text as
    published says more than the value and is kept beside it.
    """

    value: Any = None
    repair: str = ""
    problem: str = ""
    remedy: str = ""
    altered: bool = False


NOTHING: Final = Reading()


def unreadable(problem: str, remedy: str) -> Reading:
    """A reading of a cell that states something this reader does not understand."""
    return Reading(problem=problem, remedy=remedy, altered=True)
