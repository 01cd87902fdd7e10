"""What a file really is: encodings, delimiters, and things that are no table."""

import contextlib
import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.decoding import DecodedText, decode
from adapters.csv.scratch import ScratchFile
from adapters.csv.unreadable import UnreadableFile

TEXT = "名称,住所\r\n市役所,焼津市本町①\r\n髙﨑ビル,№3㈱\r\n"


def decoded_of(data: bytes, **limits: int) -> DecodedText:
    return decode(ScratchFile(data), **limits)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_encodings_are_found(encoding):
    decoded = decoded_of(TEXT.encode(encoding))
    assert decoded.lines().read().removeprefix("\ufeff") == TEXT
    assert decoded.encoding == encoding


def test_utf_16_without_a_mark():
    assert decoded_of("名称\tabcdefgh\r\n1\t2".encode("utf-16-le")).encoding == "utf-16-le"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_japanese_in_utf_16_without_a_mark(encoding):
    text = "施設名称,所在地\r\n" + "市立総合病院,焼津市道原\r\n" * 4
    decoded = decoded_of(text.encode(encoding))
    assert (decoded.lines().read(), decoded.encoding) == (text, encoding)


def test_a_gzip_archive_of_several_parts_is_read_to_its_end():
    first, second = TEXT.encode()[:20], TEXT.encode()[20:]
    packed = gzip.compress(first) + gzip.compress(second)
    assert decoded_of(packed).lines().read() == TEXT


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16", "iso2022_jp_2"])
def test_a_text_of_many_parts_is_that_of_one(encoding):
    text = (
        "名称,住所,備考\r\n" + "市役所,焼津市本町①丁目,あいうえお\r\n".replace("①", "一") * 60_000
    )
    decoded = decoded_of(text.encode(encoding))
    assert decoded.lines().read().removeprefix("\ufeff") == text


def test_a_wrong_byte_far_into_a_file_is_told_with_its_place():
    text = "名称,住所\r\n" + "市役所,焼津市\r\n" * 90_000
    data = text.encode() + b"\xff\r\n"
    with pytest.raises(UnreadableFile, match=rf"byte {len(data) - 2} \(line 90002\) is 0xFF"):
        decoded_of(data)


def test_a_formula_across_two_parts_is_seen():
    text = "a" * 999_999 + '="001"'
    assert decoded_of(text.encode()).has_formulas
    assert not decoded_of(b"a,b\n1,=\n").has_formulas


def test_a_gzip_archive_is_unpacked_within_the_limit():
    packed = gzip.compress(TEXT.encode())
    assert decoded_of(packed).lines().read() == TEXT
    bomb = gzip.compress(b"a,b\n" * 1_000_000)
    with pytest.raises(UnreadableFile, match="too large"):
        decoded_of(bomb, max_bytes=100_000)
    for damaged, reason in ((packed[:-9], "end is missing"), (b"\x1f\x8bxxxxxxxx", "damaged")):
        with pytest.raises(UnreadableFile, match=reason):
            decoded_of(damaged)


def test_euc_jp_is_not_taken_for_cp932():
    text = "名称,住所\n市役所,焼津市本町\n" * 20
    decoded = decoded_of(text.encode("euc_jp"))
    assert decoded.lines().read() == text
    assert decoded.encoding == "euc_jp"


def test_the_wave_dash_of_windows_survives():
    assert "\uff5e" in decoded_of("名称,時間\n店,9時\uff5e17時".encode("cp932")).lines().read()


@pytest.mark.parametrize(("delimiter", "name"), [(",", "comma"), ("\t", "tab"), (";", "semicolon")])
def test_delimiters_are_found(delimiter, name):
    text = "\n".join(
        delimiter.join(cells) for cells in (["a", "b", "c"], ["1,5", "2", "3"], ["4", "5", "6"])
    )
    if delimiter == ",":
        text = 'a,b,c\n"1,5",2,3\n4,5,6'
    assert decoded_of(text.encode()).delimiter == delimiter


def test_commas_in_tab_separated_cells_do_not_mislead():
    rows = ["名称\t位置", "A\t34.1,135.1,x,y", "B\t34.2,135.2", "C\t34.3"]
    assert decoded_of("\n".join(rows).encode()).delimiter == "\t"


def _zip(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT.encode())
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \r\n", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0abc", "Excel"),
        (_zip("xl/workbook.xml", "[Content_Types].xml"), "Excel workbook"),
        (_zip("a.csv", "b.csv"), "2 tables"),
        (b"PK\x03\x04broken", "damaged"),
        (b'{"a": 1}', "JSON"),
        ("名称,住所\n".encode() + b"\x81\xff\x00\xfe\n", "not valid"),
        (b"a,b\n1\x00,2\n", "NUL"),
        ("名".encode() + b",b\n" + "市役所".encode("cp932") + b",2\n", "not valid"),
    ],
)
def test_other_things_are_refused_with_a_remedy(data, reason):
    with pytest.raises(UnreadableFile) as error:
        decoded_of(data)
    assert reason in error.value.reason
    assert error.value.remedy


def test_a_zip_with_one_table_is_opened():
    assert decoded_of(_zip("a.csv", "readme.md")).lines().read() == TEXT


def test_size_is_limited():
    with pytest.raises(UnreadableFile, match="more than the limit"):
        decoded_of(b"a,b\n" * 100, max_bytes=100)


def test_mixed_encodings_are_refused_and_the_line_is_named():
    data = "名称,住所\n東京,港区\n".encode() + "大阪,北区\n".encode("cp932")
    with pytest.raises(UnreadableFile, match="line 3"):
        decoded_of(data)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_otherwise(data):
    decoded = None
    with contextlib.suppress(UnreadableFile):
        decoded = decoded_of(data)
    assert decoded is None or len(decoded.delimiter) == 1


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_accents_of_europe_are_not_read_as_kanji(encoding):
    text = "id,dirección,población\n1,Calle Peñón,Málaga\n2,Plaza España,Cádiz\n"
    with pytest.raises(UnreadableFile, match="Windows-1252"):
        decoded_of(text.encode(encoding))


def test_latin_letters_beside_kanji_are_cp932():
    text = "名称,場所\nAED本体,A棟1階\nb棟,c館\nWiFiルータ,b棟\n"
    assert decoded_of(text.encode("cp932")).lines().read() == text


def test_korean_is_not_read_as_euc_jp():
    with pytest.raises(UnreadableFile, match="Korean"):
        decoded_of(
            ("시설명,주소,위도,경도\n" + "시청,서울특별시 중구 세종대로,37.5,126.9\n" * 5).encode(
                "euc_kr"
            )
        )
