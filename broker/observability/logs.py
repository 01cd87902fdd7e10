"""Logs: one line an event, of text on a terminal and of JSON elsewhere, without secrets."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson

_STANDARD: Final = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", None, None)) | {"message": "", "asctime": ""}
)
_SECRET_NAME: Final = re.compile(r"password|secret|token|authorization|api_?key|credential", re.I)
_SECRET_TEXT: Final = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s/]+@"), r"\1:***@"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.I), r"\1 ***"),
)


def configure_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (standard error).

    `level` and `form` are the settings `logging.level` and `logging.format`. Warnings of
    libraries are logs as well.
    """
    target = stream or sys.stderr
    as_json = form == "json" or (form == "auto" and not target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("pymongo", "amqtt", "transitions", "asyncio"):
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))


class JsonLines(logging.Formatter):
    """One JSON object a record: `at`, `level`, `logger`, `message`, what `extra` gave, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _without_secrets(record.getMessage()),
            **_extra(record),
        }
        if record.exc_info:
            line["error"] = _without_secrets(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class TextLines(logging.Formatter):
    """Time, level and message, what `extra` gave, the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = _without_secrets(record.getMessage())
        line = f"{_moment(record)[11:23]} {record.levelname:<7} {message}"
        line += "".join(f" {name}={value}" for name, value in _extra(record).items())
        if record.exc_info:
            line += "\n" + _without_secrets(self.formatException(record.exc_info))
        return line


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: "***" if _SECRET_NAME.search(name) else _cleaned(value)
        for name, value in vars(record).items()
        if name not in _STANDARD
    }


def _cleaned(value: Any) -> Any:
    return _without_secrets(value) if isinstance(value, str) else value


def _without_secrets(text: str) -> str:
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text
