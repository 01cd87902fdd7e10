"""Why an address cannot be listened on is said in words a person can act on."""

from __future__ import annotations

import socket

from broker.embedded.ports import free_port, is_free, why_not_free


def test_a_port_is_free_or_there_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert why_not_free(port, "127.0.0.1") == "another program listens there"
        assert not is_free(port)
        assert free_port(port) != port
    assert why_not_free(port, "127.0.0.1") is None
    assert free_port(port) == port


def test_an_address_of_another_machine_is_told_from_a_name_nobody_knows() -> None:
    assert why_not_free(0, "192.0.2.1") == "the address is not one of this machine"
    reason = "the name no-such-host.invalid cannot be resolved"
    assert why_not_free(0, "no-such-host.invalid") == reason
