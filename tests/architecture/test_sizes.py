"""Files, functions and protocols stay small enough to read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE_WALL = 600
FUNCTION_WALL = 60
PROTOCOL_WALL = 10
FILE_USUAL = 350
FUNCTION_USUAL = 35

SOURCES = sorted(
    path for folder in ("broker", "adapters", "tests") for path in (ROOT / folder).rglob("*.py")
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_and_functions_stay_within_the_walls() -> None:
    assert [name for name, length in _files() if length > FILE_WALL] == []
    assert [name for name, length in _all_functions() if length > FUNCTION_WALL] == []


def test_protocols_are_narrow() -> None:
    wide = [
        f"{_name(path)}:{node.name}"
        for path in SOURCES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and _is_protocol(node) and _methods(node) > PROTOCOL_WALL
    ]
    assert wide == []


def test_the_usual_sizes_are_usual() -> None:
    """Most are far below the walls; which are not is shown, not forbidden."""
    files, functions = list(_files()), list(_all_functions())
    long_files = [name for name, length in files if length > FILE_USUAL]
    long_functions = [name for name, length in functions if length > FUNCTION_USUAL]
    print("longer than usual:", *long_files, *long_functions, sep="\n  ")
    assert len(long_files) <= len(files) * 0.1
    assert len(long_functions) <= len(functions) * 0.05


def _files() -> Iterator[tuple[str, int]]:
    for path in SOURCES:
        yield _name(path), len(path.read_text(encoding="utf-8").splitlines())


def _all_functions() -> Iterator[tuple[str, int]]:
    """Yield each function with its number of lines, docstring not counted."""
    for path in SOURCES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{_name(path)}:{node.name}", length - _docstring_lines(node)


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def _methods(node: ast.ClassDef) -> int:
    return sum(isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef) for one in node.body)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0
