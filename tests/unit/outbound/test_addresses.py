from __future__ import annotations

import pytest

from broker.config import ConfigurationError
from broker.outbound.addresses import (
    ALLOW_PRIVATE_SETTING,
    ALLOW_SETTING,
    AddressPolicy,
    as_address,
)

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::127.0.0.1",
]
NEVER = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address):
    assert AddressPolicy().refusal("example.org", address) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_the_setting(address):
    refusal = AddressPolicy().refusal("example.org", address)
    assert refusal is not None
    assert ALLOW_PRIVATE_SETTING in refusal
    assert f"example.org ({address})" in refusal
    assert AddressPolicy(allow_private=True).refusal("example.org", address) is None


@pytest.mark.parametrize("address", NEVER)
def test_special_addresses_have_to_be_listed(address):
    refusal = AddressPolicy(allow_private=True).refusal(address, address)
    assert refusal is not None
    assert ALLOW_SETTING in refusal
    plain = address.partition("%")[0]
    assert AddressPolicy(allow=(plain,)).refusal(address, address) is None


@pytest.mark.parametrize(
    ("allow", "host", "address", "allowed"),
    [
        ("10.1.0.0/16", "a.example", "10.1.2.3", True),
        ("10.1.0.0/16", "a.example", "10.2.2.3", False),
        ("sensor.example", "sensor.example", "10.2.2.3", True),
        ("sensor.example", "SENSOR.example.", "10.2.2.3", True),
        ("sensor.example", "other.sensor.example", "10.2.2.3", False),
        ("*.city.example", "broker.city.example", "10.2.2.3", True),
        ("*.city.example", "city.example", "10.2.2.3", False),
        ("*.city.example", "evilcity.example", "10.2.2.3", False),
        ("fd00::/8", "a.example", "fd12::1", True),
        ("127.0.0.1", "localhost", "127.0.0.1", True),
        ("127.0.0.1", "localhost", "::1", False),
    ],
)
def test_the_allow_list(allow, host, address, allowed):
    assert (AddressPolicy(allow=(allow,)).refusal(host, address) is None) is allowed


@pytest.mark.parametrize("entry", ["", "http://example.org", "10.0.0.0/33", "a b", "exa*mple"])
def test_a_malformed_entry_is_refused_at_once(entry):
    with pytest.raises(ConfigurationError, match=ALLOW_SETTING):
        AddressPolicy(allow=(entry,))


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("fe80::1%eth0", "fe80::1%eth0")],
)
def test_literal_addresses_are_recognised(host, address):
    assert as_address(host) == address
    assert as_address("example.org") is None
    assert as_address("2130706433") is None
