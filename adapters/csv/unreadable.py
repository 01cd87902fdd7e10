"""What is told of a file that cannot be read as a table."""


class UnreadableFile(Exception):
    """The file is not a table we can read; `remedy` says what its owner can do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
