"""How often something is looked at that takes longer the more there is."""

from __future__ import annotations

import pytest

from broker.observability.tasks import rest_after


@pytest.mark.parametrize(
    ("worked", "every", "rest"),
    [(0.0, 1.0, 1.0), (0.05, 1.0, 1.0), (1.0, 1.0, 9.0), (60.0, 1.0, 15.0)],
)
def test_looks_take_a_tenth_of_the_time_at_most(worked: float, every: float, rest: float) -> None:
    assert rest_after(worked, every) == rest
