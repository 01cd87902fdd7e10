"""Published data files that are not part of the repository.

They lie in `shared/data` beside the checkout (or wherever `MUTSURA_TEST_SAMPLES` says); tests on
them are skipped where they are not. Every rule they show also has a test on data of our own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _found() -> Path | None:
    given = os.environ.get("MUTSURA_TEST_SAMPLES")
    places = [Path(given)] if given else [one / "shared" / "data" for one in ROOT.parents]
    return next((one for one in places if one.is_dir()), None)


SAMPLES = _found() or Path("samples-not-found")
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no shared/data beside the checkout; set MUTSURA_TEST_SAMPLES"
)
