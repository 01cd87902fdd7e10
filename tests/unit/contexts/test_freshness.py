from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from broker.contexts.freshness import LONGEST, SHORTEST, lifetime

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 04:00:00 GMT"
ASSUMED = timedelta(hours=12)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ASSUMED),
        ({"cache-control": "max-age=600"}, timedelta(minutes=10)),
        ({"cache-control": 'public, Max-Age="600"'}, timedelta(minutes=10)),
        ({"cache-control": "max-age=600, s-maxage=1200"}, timedelta(minutes=20)),
        ({"cache-control": "max-age=600", "age": "120"}, timedelta(minutes=8)),
        ({"cache-control": "max-age=600", "expires": DATE}, timedelta(minutes=10)),
        ({"cache-control": "max-age=0"}, SHORTEST),
        ({"cache-control": "no-store"}, SHORTEST),
        ({"cache-control": "no-cache, max-age=600"}, SHORTEST),
        ({"cache-control": "max-age=9999999999"}, LONGEST),
        ({"expires": "Sun, 22 Nov 2026 05:00:00 GMT"}, timedelta(hours=1)),
        ({"expires": "Sun, 22 Nov 2026 05:00:00 GMT", "date": DATE}, timedelta(hours=1)),
        ({"expires": "0"}, SHORTEST),
        ({"expires": "Sun, 22 Nov 2020 05:00:00 GMT"}, SHORTEST),
        ({"last-modified": "Thu, 12 Nov 2026 04:00:00 GMT"}, timedelta(days=1)),
        ({"last-modified": "Sun, 22 Nov 2026 03:59:00 GMT"}, timedelta(hours=1)),
        ({"last-modified": "Sun, 22 Nov 2015 04:00:00 GMT"}, timedelta(days=7)),
        ({"last-modified": "nonsense"}, ASSUMED),
        ({"cache-control": "private"}, ASSUMED),
    ],
)
def test_how_long_an_answer_is_fresh(headers, expected):
    assert lifetime(headers, NOW, ASSUMED) == expected
