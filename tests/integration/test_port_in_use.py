"""Commands that listen say it when another program has the port."""

from __future__ import annotations

import socket

import pytest

from broker.cli import main


@pytest.mark.parametrize("command", ["listen", "mqtt"])
def test_a_port_in_use(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([command, "--port", str(port)]) == 1
    assert f"port {port} cannot be had" in capsys.readouterr().err.splitlines()[-1]
