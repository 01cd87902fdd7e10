"""What every test may use: one real MongoDB a session, fresh databases, a real mosquitto."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings
from pymongo import MongoClient

from tests.servers import Mosquitto, mongodb

# Of every property the same examples in every run, so that none fails but by what was changed, and
# none because the machine is slow. The long form looks for others.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=os.environ.get("MUTSURA_TEST_LONG") != "1",
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """A blocking call of ours inside an event loop fails the test."""
    with blockbuster_ctx(["broker", "adapters"]) as blocking:
        # On its first connection PyMongo looks whether it runs in a container.
        blocking.functions["os.stat"].can_block_in(
            "pymongo/pool_options.py", "get_container_env_info"
        )
        # Coverage locks its data for a moment when a thread begins.
        blocking.functions["threading.Lock.acquire"].can_block_in(
            "coverage/collector.py", "lock_data"
        )
        yield


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real replica set, the same for the whole session."""
    with mongodb(tmp_path_factory.mktemp("mongodb")) as uri:
        yield uri


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate for 127.0.0.1 (`cert`) and its key (`key`)."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key", "-out", folder / "cert"]
    subprocess.run([tool, *request, *names, *files], check=True, capture_output=True)
    (folder / "key").chmod(0o644)
    return folder


@pytest.fixture
def database_prefix(mongodb_uri: str) -> Iterator[str]:
    """A prefix of database names nobody else uses; its databases are dropped after the test."""
    prefix = f"test_{secrets.token_hex(4)}"
    yield prefix
    with MongoClient(mongodb_uri) as client:
        for name in client.list_database_names():
            if name == prefix or name.startswith((f"{prefix}-", f"{prefix}_")):
                client.drop_database(name)


@pytest.fixture
def mosquitto(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Mosquitto]:
    """A running mosquitto of this test's own, on a free port, with persistence.

    More lines of configuration come by `@pytest.mark.parametrize("mosquitto", [...],
    indirect=True)`. The server can be stopped, killed and started again during the test.
    """
    server = Mosquitto(tmp_path / "mosquitto", getattr(request, "param", ""))
    server.start()
    yield server
    server.stop()
