"""What can be set, asked and seen is documented, and the documentation is current."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import adapters.runtime.metrics  # noqa: F401 - declares the metrics of the adapters' process
from broker.api.page import api_page
from broker.api.routes import ROUTES, Route
from broker.config.page import settings_page
from broker.observability.processes import NodeProcesses

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md")]
    + [path for folder in ("docs", "adapters", "deploy") for path in (ROOT / folder).rglob("*.md")]
)


def test_the_settings_page_is_current() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_page(), "run `make docs`"


def test_the_page_of_the_api_is_current() -> None:
    written = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == api_page(), "run `make docs`"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_an_operation_says_what_it_does_and_names_its_clause(route: Route) -> None:
    assert inspect.getdoc(route.handler)
    assert re.fullmatch(r"\d+(\.\d+)+", route.clause)


def test_every_metric_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(mutsura_\w+)`", page, re.MULTILINE))
    families = [*REGISTRY.collect(), *NodeProcesses(ROOT).collect()]
    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("mutsura_")
    }
    assert documented == exposed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (page.parent / link).exists()] == []
