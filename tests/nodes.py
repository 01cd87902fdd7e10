"""A whole node as its users start it: `mutsura serve` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
SMALL = {"MUTSURA_MONGODB_EMBEDDED_CACHE": "256", "MUTSURA_MONGODB_EMBEDDED_OPLOG": "990"}


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fails when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


class RunningNode:
    """`mutsura serve` on a free port with its own data directory.

    As a context manager it starts, waits until the node is ready, and stops it at the end.
    `settings` are environment variables (`MUTSURA_…`).
    """

    def __init__(self, data: Path, *options: str, **settings: str) -> None:
        self.data = data
        self.output = data.with_name(f"{data.name}.out")
        self.errors = data.with_name(f"{data.name}.err")
        self.url = ""
        self._options = options
        self._settings = SMALL | settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.await_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; does not wait."""
        rest = {k: v for k, v in os.environ.items() if not k.startswith("MUTSURA_")}
        with self.output.open("ab") as output, self.errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "broker", "serve", "--data", str(self.data),
                 "--port", "0", *self._options],
                cwd=ROOT, env=rest | self._settings, stdout=output, stderr=errors,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def await_ready(self) -> None:
        """Wait until it has printed its URL and is ready."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.errors.read_text()
            for line in self.output.read_text().splitlines():
                if line.strip().startswith("API "):
                    self.url = line.split()[1].removesuffix("/ngsi-ld/v1")
            if self.url and self.status("/ready") == 200:
                return
            time.sleep(0.05)
        raise TimeoutError(f"not ready: {self.output.read_text()}\n{self.errors.read_text()}")

    def status(self, path: str) -> int:
        """Return the status of a GET, 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def get(self, path: str) -> Any:
        """Return the JSON body of a GET."""
        return json.loads(self.text(path))

    def text(self, path: str) -> str:
        """Return the body of a GET."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Return the node's processes whose command line has the word."""
        found = psutil.Process(self.pid).children(recursive=True)
        return [one for one in found if any(word in part for part in one.cmdline())]

    def kill(self) -> None:
        """kill -9 the supervisor."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self, *, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; return its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    def wait(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE)
