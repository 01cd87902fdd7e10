import pytest

from adapters.runtime.address_guard import literal, refusal


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "240.0.0.1",
    ],
)
def test_never_allowed(address):
    assert refusal(address, allow_private=False) is not None
    if address != "240.0.0.1":
        assert refusal(address, allow_private=True) is not None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "fd12::1", "100.64.0.1"],
)
def test_private_only_when_allowed(address):
    assert "private" in refusal(address, allow_private=False)
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address):
    assert refusal(address, allow_private=False) is None


def test_literal():
    assert literal("[::1]") == "::1"
    assert literal("10.0.0.1") == "10.0.0.1"
    assert literal("example.org") is None
