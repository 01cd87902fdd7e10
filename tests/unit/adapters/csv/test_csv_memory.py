"""Importing a file takes a memory that does not grow with the number of its rows."""

import gc
import tracemalloc

from adapters.csv.importing import ImportOptions, read_file
from adapters.csv.scratch import ScratchFile
from tests.unit.adapters.csv.tables import AED, aed, csv_bytes

ROOM_FOR_4000_ROWS = 6_000_000


def peak_of(rows: int) -> int:
    """Bytes of Python objects while a file is read and its entities are made.

    Each row has a repair and a doubt, and every tenth an id that another has too.
    """
    table = [aed(str(i - i % 10), f"施設{i}", "１階", "☆", code="22212") for i in range(rows)]
    file = ScratchFile(csv_bytes([AED, *table]))
    del table
    gc.collect()
    tracemalloc.start()
    read = read_file(file, "222127_aed.csv", ImportOptions())
    made = sum(1 for _ in read.mapped.entities)
    findings = sum(1 for _ in read.report.repairs) + sum(1 for _ in read.report.warnings)
    parts = sum(1 for _ in read.report.json_parts())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made == rows
    assert findings == 2 * rows
    assert parts > findings
    return peak


def test_memory_does_not_grow_with_the_rows():
    peak_of(100)
    few, many = peak_of(1_500), peak_of(5_500)
    assert many < few + ROOM_FOR_4000_ROWS
