"""What logs and health show of a URL."""

from __future__ import annotations

import pytest

from adapters.runtime.shown_url import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.jp/x?lat=35&lon=139", "https://a.jp/x?lat=35&lon=139"),
        ("https://a.jp/x?appid=abc&q=Yaizu", "https://a.jp/x?appid=…&q=Yaizu"),
        ("https://a.jp/x?acl:consumerKey=abc", "https://a.jp/x?acl:consumerKey=…"),
        ("https://a.jp/x?appId=1&statsDataId=0003", "https://a.jp/x?appId=…&statsDataId=0003"),
        ("https://user:word@a.jp:8443/x", "https://a.jp:8443/x"),
        ("https://a.jp/x?page=3&c=" + "a" * 40, "https://a.jp/x?page=3&c=…"),
        ("https://a.jp/x#access_token=abc", "https://a.jp/x"),
        ("http://[::1/x", "…"),
        ("https://a.jp/x?key=", "https://a.jp/x?key="),
    ],
)
def test_keys_are_hidden(url: str, shown: str) -> None:
    assert shown_url(url) == shown
