"""What came of reading one cell."""

from dataclasses import dataclass
from typing import Any, Final

NOT_STATED_MARKS: Final = frozenset(
    ("-", "--", "---", "ー", "―", "—", "–", "‐", "−", "－", "‥", "…", "・", "/", "／", "N/A", "n/a",
     "NA", "#N/A", "#VALUE!", "#REF!", "null", "NULL")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
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
