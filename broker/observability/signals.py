"""The signals that ask a process to stop in good order."""

from __future__ import annotations

from signal import SIG_IGN, SIGHUP, SIGINT, SIGTERM, Signals, getsignal


def stop_signals() -> tuple[Signals, ...]:
    """Return SIGTERM, SIGINT, and SIGHUP (the terminal was closed) unless `nohup` ignores it."""
    return (SIGTERM, SIGINT) if getsignal(SIGHUP) is SIG_IGN else (SIGTERM, SIGINT, SIGHUP)
