"""Text, kana and addresses of the web."""

import pytest

from adapters.csv.values.text import comparable, lost_characters, read_kana, read_text, read_url


def test_text_loses_only_its_edges():
    assert read_text("　 髙﨑ビル①　№3 \n").value == "髙﨑ビル①　№3"
    assert read_text(" 　\u200b").value is None


def test_half_width_kana_are_folded_with_their_marks():
    reading = read_kana("ｺﾏｴｼﾘﾂﾀﾞｲｲﾁｼｮｳｶﾞｯｺｳ ﾊﾟ")
    assert reading.value == "コマエシリツダイイチショウガッコウ パ"
    assert reading.repair


def test_hiragana_becomes_katakana():
    assert read_kana("やいづ").value == "ヤイヅ"


@pytest.mark.parametrize(
    ("one", "other"), [("1－2〜3", "1-2～3"), ("Ａ　Ｂ", "ab"), ("一丁目 ２", "一丁目2")]
)
def test_spellings_of_one_thing_are_comparable(one, other):
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize("text", ["樫立1812?3", "8:00?15:00", "\ufffd", "\ue000"])
def test_lost_characters_are_noticed(text):
    assert lost_characters(text)


@pytest.mark.parametrize("text", ["なぜ?", "https://a.jp/?a=1", "plain"])
def test_question_marks_are_no_loss(text):
    assert lost_characters(text) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.jp/x?y=1", "https://a.jp/x?y=1"),
        ("ｈttps://a.jp", "https://a.jp"),
        ("www.a.jp/x", "https://www.a.jp/x"),
    ],
)
def test_web_addresses(text, expected):
    assert read_url(text).value == expected


@pytest.mark.parametrize("text", ["なし", "a.jp", "https:// a.jp", "javascript:alert(1)"])
def test_other_texts_are_no_web_address(text):
    assert read_url(text).problem
