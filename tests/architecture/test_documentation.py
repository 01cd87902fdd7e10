"""What can be set and seen is documented, and the documentation is current."""

from __future__ import annotations

from pathlib import Path

from broker.config.page import settings_page

ROOT = Path(__file__).parents[2]


def test_the_settings_page_is_current() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_page(), "run `make docs`"
