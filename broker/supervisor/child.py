"""One process the supervisor keeps running."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from signal import Signals
from typing import Final

from broker.embedded.tether import tethered

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 15.0
STEADY_AFTER: Final = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    `name` is for people, `grace` how long it may take to end (seconds); with `may_finish` it is
    left alone when it has ended with code 0. `inherits` are the descriptors it gets.
    """

    name: str
    command: tuple[str, ...]
    grace: float = 10.0
    may_finish: bool = False
    inherits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended by itself: its id and exit code (negative: the signal)."""

    pid: int
    code: int


class Child:
    """A program that is started again when it ends by itself, with growing pauses.

    Must be used from the thread that lives as long as the supervisor: the kernel ties the child
    to the thread that started it.
    """

    def __init__(self, program: Program, environment: Mapping[str, str]) -> None:
        self.program = program
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._due = 0.0
        self._is_finished = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the program."""
        self._process = subprocess.Popen(  # noqa: S603 - our own commands
            tethered(list(self.program.command)),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=self.program.inherits,
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops it in order
        )
        self._started = time.monotonic()

    def use(self, environment: Mapping[str, str]) -> None:
        """Go on with another environment; a running process is ended and started again."""
        self._environment = dict(environment)
        self.signal()
        self._pause = 0.0

    def tend(self) -> Ended | None:
        """Start the program again when it has ended and its pause is over.

        Returns the process that has just been found ended.
        """
        now = time.monotonic()
        if self._process is None:
            if now >= self._due and not self._is_finished:
                self.start()
            return None
        code = self._process.poll()
        if code is None:
            return None
        ended = Ended(self._process.pid, code)
        self._process = None
        if code == 0 and self.program.may_finish:
            self._is_finished = True
            log.info("%s has finished", self.program.name)
            return None
        self._schedule(now, code)
        return ended

    def signal(self) -> None:
        """Ask the process to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(Signals.SIGTERM)

    def join(self, deadline: float) -> None:
        """Wait until it has ended; kill it at the deadline (monotonic clock)."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s does not end and is killed", self.program.name)
            self._process.kill()
            self._process.wait()
        self._process = None

    def _schedule(self, now: float, code: int) -> None:
        if now - self._started >= STEADY_AFTER:
            self._pause = 0.0
        self._due = now + self._pause
        how = how_it_ended(code)
        log.warning("%s %s and is started again in %.1f s", self.program.name, how, self._pause)
        self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)


def how_it_ended(code: int) -> str:
    """Return what an exit code says of the end of a process."""
    return f"was killed by {Signals(-code).name}" if code < 0 else f"ended with code {code}"
