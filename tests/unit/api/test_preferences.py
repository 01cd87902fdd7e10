"""The Prefer header (RFC 7240, clause 6.3.6)."""

from __future__ import annotations

import pytest

from broker.api.preferences import preference, preferred_version


@pytest.mark.parametrize(
    ("values", "version"),
    [
        (["ngsi-ld=1.5"], (1, 5)),
        (["NGSI-LD=1.5"], (1, 5)),
        (['ngsi-ld="1.5"'], (1, 5)),
        (["ngsi-ld = 1.5 ; q=0.1"], (1, 5)),
        (["respond-async, ngsi-ld=1.5"], (1, 5)),
        (["respond-async", "ngsi-ld=1.5"], (1, 5)),
        (["ngsi-ld=1.5, ngsi-ld=1.3"], (1, 5)),
        (['note="a, ngsi-ld=1.3", ngsi-ld=1.5'], (1, 5)),
        (["ngsi-ld=1.12"], (1, 9)),
        (["ngsi-ld=7.0"], (1, 9)),
        (["ngsi-ld=0.1"], (1, 0)),
        (["ngsi-ld"], None),
        (["ngsi-ld=latest"], None),
        (["ngsi-ld=1.5.1"], None),
        (["ngsi-ld=1." + "9" * 9000], None),
        (["xngsi-ld=1.5"], None),
        (["respond-async"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_version_is_found_in_every_spelling(
    values: list[str], version: tuple[int, int] | None
) -> None:
    assert preferred_version(values) == version


def test_a_preference_without_a_value_is_there() -> None:
    assert preference(["respond-async"], "respond-async") == ""
    assert preference(["wait=10"], "respond-async") is None
