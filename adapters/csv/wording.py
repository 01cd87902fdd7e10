"""Numbers in sentences."""


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number and its noun: `1 row`, `2 rows`, `0 rows`; `several` is a plural of its own.

    Examples: `counted(1, "row has", "rows have")` is `1 row has`.
    """
    return f"{number} {one if number == 1 else several or one + 's'}"
