"""Log lines are structured and hold no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from broker.observability.logs import configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def _logged(form: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, form, stream)
    return stream


def test_a_line_of_json_has_what_was_given() -> None:
    stream = _logged("json")
    logging.getLogger("broker.x").info("started %s", "now", extra={"port": 1026})
    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {"level": "info", "logger": "broker.x", "message": "started now", "port": 1026}


def test_auto_is_json_where_there_is_no_terminal() -> None:
    stream = _logged("auto")
    logging.getLogger("x").warning("w")
    assert json.loads(stream.getvalue())["level"] == "warning"


def test_text_is_for_eyes() -> None:
    stream = _logged("text")
    logging.getLogger("x").info("started", extra={"port": 1026})
    assert stream.getvalue().endswith("INFO    started port=1026\n")


def test_a_traceback_stays_in_one_line_of_json() -> None:
    stream = _logged("json")
    try:
        int("broken")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert "ValueError: invalid literal" in json.loads(stream.getvalue())["error"]


def test_what_is_below_the_level_is_not_logged() -> None:
    stream = _logged("json", level="error")
    logging.getLogger("x").warning("w")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "text",
    [
        "mongodb://user:hidden@host/",
        "cannot reach mqtt://sensor:hidden@10.0.0.1:1883",
        "Authorization: Bearer hidden",
        "authorization basic hidden==",
    ],
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_in_a_message_are_masked(text: str, form: str) -> None:
    stream = _logged(form)
    logging.getLogger("x").info("%s", text, extra={"where": text})
    assert "hidden" not in stream.getvalue()
    assert "***" in stream.getvalue()


@pytest.mark.parametrize("name", ["password", "api_key", "apiKey", "access_token"])
def test_extras_named_like_secrets_are_masked(name: str) -> None:
    stream = _logged("json")
    logging.getLogger("x").info("m", extra={name: "hidden"})
    assert json.loads(stream.getvalue())[name] == "***"
