"""What can be set and seen is documented, and the documentation is current."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import REGISTRY

from broker.config.page import settings_page
from broker.observability import metrics

ROOT = Path(__file__).parents[2]


def test_the_settings_page_is_current() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_page(), "run `make docs`"


def test_every_metric_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(mutsura_\w+)`", page, re.MULTILINE))
    families = [*REGISTRY.collect(), *metrics._NodeProcesses().collect()]
    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("mutsura_")
    }
    assert documented == exposed
