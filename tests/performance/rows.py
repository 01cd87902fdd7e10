"""How many rows a second an import of municipal open data stores."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 180
HEADER = (
    "都道府県コード又は市区町村コード,NO,都道府県名,市区町村名,名称,名称_カナ,住所,方書,緯度,経度,設置位置,電話番号,"
    "内線番号,法人番号,団体名,利用可能曜日,開始時間,終了時間,利用可能日時特記事項,小児対応設備の有無,URL,備考"
)


def rows_a_second(directory: Path, broker: str, rows: int) -> float:
    """Import a made-up list of defibrillators with `mutsura import`; return rows a second.

    The start of the command and the reading of the schemas are included.
    """
    path = directory / "222127_aed.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        for number in range(rows):
            writer.writerow(_defibrillator(number))
    started = time.perf_counter()
    completed = subprocess.run(
        [sys.executable, "-m", "broker", "import", str(path), "--broker", broker],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    seconds = time.perf_counter() - started
    if completed.returncode != 0:
        raise RuntimeError(
            f"the import failed: {completed.stdout[-500:]} {completed.stderr[-500:]}"
        )
    return rows / seconds


def _defibrillator(number: int) -> list[str]:
    latitude, longitude = 34.8 + number % 1000 / 10_000, 138.25 + number // 1000 / 1000
    place, block = f"施設{number}", number % 50 + 1
    return [
        "222127", str(number), "静岡県", "焼津市", place, "シセツ",
        f"焼津市本町{block}丁目", "",
        f"{latitude:.6f}", f"{longitude:.6f}", "1階受付", "(054)626-1111", "", "", "焼津市",
        "月火水木金", "8:30", "17:15", "", "有", "", "",
    ]  # fmt: skip
