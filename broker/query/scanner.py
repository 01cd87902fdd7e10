"""Reading a query language from left to right, with errors that say where and what."""

from __future__ import annotations

from typing import NoReturn

from broker.model.errors import BadRequestData, TooComplexQuery

_SHOWN = 24


class Scanner:
    """A text and how far it has been read.

    `language` is the name of the parameter the text came in; `example` shows what would be right.
    """

    __slots__ = ("_example", "_language", "position", "text")

    def __init__(self, text: str, *, language: str, example: str, max_length: int) -> None:
        if len(text) > max_length:
            raise TooComplexQuery(
                f"{language} has {len(text)} characters; at most {max_length} are read"
            )
        self.text = text
        self.position = 0
        self._language = language
        self._example = example

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= len(self.text)

    def peek(self) -> str:
        """Return the next character, or an empty text at the end."""
        return self.text[self.position : self.position + 1]

    def skip_spaces(self) -> None:
        """Read over spaces."""
        while self.text.startswith(" ", self.position):
            self.position += 1

    def take(self, literal: str) -> bool:
        """Read a literal (and spaces around it) if it comes next."""
        self.skip_spaces()
        if not self.text.startswith(literal, self.position):
            return False
        self.position += len(literal)
        self.skip_spaces()
        return True

    def take_until(self, stops: str) -> str:
        """Read up to one of the characters and return what was read."""
        start = self.position
        while not self.at_end and self.text[self.position] not in stops:
            self.position += 1
        return self.text[start : self.position]

    def fail(self, expected: str, *, at: int | None = None) -> NoReturn:
        """Raise BadRequestData: at this place something else was expected."""
        position = self.position if at is None else at
        found = self.text[position : position + _SHOWN]
        rest = "…" if len(self.text) > position + _SHOWN else ""
        where = f'character {position + 1} ("{found}{rest}")' if found else "the end"
        raise BadRequestData(
            f"{self._language}: at {where} {expected} was expected; "
            f"for example {self._language}={self._example}"
        )
