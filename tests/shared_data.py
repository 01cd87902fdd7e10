"""Where real files for tests lie: MUTSURA_SHARED_DATA, or ../shared/data beside the checkout.

They are not part of the repository; tests that need them are skipped, with this reason, without.
"""

import os
import re
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parent.parent


def shared_data() -> Path | None:
    """The folder, None when there is none."""
    stated = os.environ.get("MUTSURA_SHARED_DATA")
    candidates = [Path(stated)] if stated else [p / "shared" / "data" for p in _CHECKOUT.parents]
    return next((path for path in candidates if (path / "INDEX.md").is_file()), None)


needs_shared_data = pytest.mark.skipif(
    shared_data() is None,
    reason="the real data files are not here; set MUTSURA_SHARED_DATA to their folder",
)


def municipal_files() -> list[Path]:
    """The files of municipalities, by name."""
    folder = shared_data()
    return sorted((folder / "municipal").iterdir()) if folder else []


def index_rows() -> dict[str, int]:
    """Rows of each municipal file as the index of the folder counts them."""
    folder = shared_data()
    if folder is None:
        return {}
    lines = re.findall(
        r"^\| `municipal/([^`]+)` \|(?:[^|]*\|){3} (\d+) × \d+ \|",
        (folder / "INDEX.md").read_text("utf-8"),
        re.MULTILINE,
    )
    return {name: int(rows) for name, rows in lines}
