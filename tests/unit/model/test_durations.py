"""Durations of ISO 8601 (clauses 5.2.23, 5.2.41)."""

from __future__ import annotations

import pytest

from broker.model.durations import seconds_of_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT5M", 300),
        ("PT1H30M", 5400),
        ("PT0.5S", 0.5),
        ("PT1,5S", 1.5),
        ("P1D", 86_400),
        ("P2W", 1_209_600),
        ("P1Y2M3DT4H5M6S", 31_536_000 + 2 * 2_592_000 + 3 * 86_400 + 4 * 3600 + 5 * 60 + 6),
        ("PT0S", 0),
    ],
)
def test_what_a_duration_lasts(text, seconds):
    assert seconds_of_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "1h", "PT1", "P1H", "PT1D", "-PT1S", "PT-1S", "PT1.S", "PT1.5M",
     " PT1S", "PT1S ", "pt1s", "PT1M1H", "P١D", "P" + "1" * 200 + "D"],
)  # fmt: skip
def test_what_is_no_duration(text):
    assert seconds_of_duration(text) is None
