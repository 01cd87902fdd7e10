"""What programs tied to the supervisor may do."""

from __future__ import annotations

import resource
import subprocess
import sys

from broker.embedded.tether import tethered

SHOW = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"


def test_a_tethered_program_may_open_more_files_than_the_shell_lets_it() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        shown = subprocess.run(
            tethered([sys.executable, "-c", SHOW]), capture_output=True, check=True
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert int(shown.stdout) > 256
