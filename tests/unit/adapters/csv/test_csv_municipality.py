"""The register and where the publisher is found."""

import pytest

from adapters.csv.municipality import register
from tests.unit.adapters.csv.tables import AED, aed, imported


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("静岡県焼津市本町2-16-32", "222127"),
        ("焼津市八楠1丁目", "222127"),
        ("高松市番町１丁目", "372013"),
        ("綾歌郡綾川町萱原822-1", "373877"),
        ("東京都葛飾区柴又6-22-19", "131229"),
        ("東京都八丈島八丈町樫立1812", "134015"),
        ("四日市市諏訪町", "242021"),
        ("大町市大町", "202126"),
        ("大和郡山市北郡山町", "292036"),
        ("札幌市中央区北1条", "011002"),
        ("福島県伊達市保原町", "072133"),
    ],
)
def test_addresses_name_their_city(address, code):
    found = register().of_address(address)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("address", ["", "伊達市保原町", "本町2-16-32", "池田町1"])
def test_uncertain_addresses_name_none(address):
    assert register().of_address(address) is None


def test_names():
    assert register().named("和歌山県").code == "300004"
    assert register().named("府中市") is None
    assert register().named("府中市", "東京都").code == "132063"
    assert register().named_in("【さいたま市】AED設置場所一覧").code == "111007"


@pytest.mark.parametrize(
    ("name", "code", "found_in"),
    [
        ("222127_aed.csv", "222127", "file name"),
        ("aed_20240401.csv", "222127", "addresses"),
        ("aed.csv", "222127", "addresses"),
        ("222128_aed.csv", "222127", "addresses"),
        ("x_372013_aed.csv", "222127", "addresses"),
        ("202011_aed.csv", "222127", "addresses"),
    ],
)
def test_where_the_publisher_is_found(name, code, found_in):
    report = imported([AED, aed("1", code="")], name).report
    assert (report.municipality, report.municipality_found_in) == (code, found_in)


def test_a_far_position_is_told():
    warnings = imported([AED, aed("1", north="43.06", east="141.35")]).report.warnings
    (warning,) = warnings
    assert "km from 焼津市" in warning.reason
