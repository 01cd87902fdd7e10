"""Header, preamble, rows and their numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.decoding import decode
from adapters.csv.headers import column_letters, normal_header, shared_prefixes, unique_names
from adapters.csv.layout_files import known_headers
from adapters.csv.scratch import ScratchFile
from adapters.csv.table import read_table
from adapters.csv.unreadable import UnreadableFile
from tests.unit.adapters.csv.tables import csv_bytes


def table(text: str):
    return read_table(decode(ScratchFile(text.encode())), known_headers().__contains__)


def test_row_numbers_are_those_of_the_spreadsheet():
    found = table('名称,住所,備考\r\nA,"焼津市\n本町",x\r\n\r\nB,焼津市,"1\r\n2\r\n3"\r\nC,,\r\n')
    assert [(row.number, row.cells[0]) for row in found.rows] == [(2, "A"), (4, "B"), (5, "C")]
    assert found.blank_rows == 1


def test_the_header_stands_below_titles_and_dates():
    found = table("避難場所一覧\n令和6年4月1日現在\n\n名称,住所,緯度,経度\nA,焼津市,34.8,138.3\n")
    assert found.header == ["名称", "住所", "緯度", "経度"]
    assert found.header_row == 4
    assert found.titles == ["避難場所一覧", "令和6年4月1日現在"]


def test_linkdata_preamble_becomes_metadata():
    found = table("#LINK,,\n#license,http://creativecommons.org/licenses/by/3.0/,\n#property,name,address\n"
                  "#object_type_xsd,string,string\n1,A,高松市\n,,\n2,B,高松市\n")  # fmt: skip
    assert found.metadata["license"] == "http://creativecommons.org/licenses/by/3.0/"
    assert found.header == ["#property", "name", "address"]
    assert [row.number for row in found.rows] == [5, 7]


def test_a_linkdata_column_of_more_than_row_numbers_is_kept():
    found = table("#property,name,address\nclinic.1,A,高松市\nclinic.2,B,高松市\n")
    assert found.header == ["property", "name", "address"]
    assert [row.cells[0] for row in found.rows] == ["clinic.1", "clinic.2"]


def test_rows_of_other_widths_are_kept_and_told():
    found = table("名称,住所,備考\nA,焼津市\nB,焼津市,x,surplus\n")
    assert [row.cells for row in found.rows] == [["A", "焼津市", ""], ["B", "焼津市", "x"]]
    assert any("row 3" in remark for remark in found.remarks)


def test_notes_at_the_end_are_no_rows():
    found = table(
        "名称,住所,緯度,経度\nA,焼津市,34.8,138.3\n※この一覧は毎年更新します,,,\n凡例,○,,\n"
    )
    assert len(found.rows) == 1
    assert found.notes == [3, 4]


@pytest.mark.parametrize("cells", [["a_2", "a", "a"], ["a", "a", "a_2"], ["column_2", ""]])
def test_a_name_that_was_made_up_is_not_one_the_header_has(cells):
    names, _ = unique_names(cells)
    assert len(set(names)) == len(cells)


def test_empty_and_repeated_names_are_made_unique():
    names, remarks = unique_names(["a", "", "a", "a"])
    assert names == ["a", "column_2", "a_2", "a_3"]
    assert len(remarks) == 3


def test_an_open_quotation_mark_is_refused_with_its_row():
    body = "".join(
        f"name{i},焼津市,34.8,138.3,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" for i in range(200)
    )
    with pytest.raises(UnreadableFile, match="row 2: a quotation mark is not closed"):
        table('名称,住所,緯度,経度,備考\nX,"焼津市,34,138,\n' + body)


def test_no_header_is_refused():
    with pytest.raises(UnreadableFile, match="no header"):
        table("1,2,3\n4,5,6\n")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("都道府県コ―ド", "都道府県コード"),
        ("名称（必須）", "名称"),
        ("緯　度", "緯度"),
        ("料金（基本）", "料金(基本)"),
        ("ＮＯ", "№"),
        ("No.", "番号"),
        ("所在地_連結標記", "所在地_連結表記"),
        ("Telephone　Number", "telephone number"),
        ("名称\n_カナ", "名称_カナ"),
    ],
)
def test_spellings_of_a_header_meet(one, other):
    assert normal_header(one) == normal_header(other)


def test_a_prefix_counts_when_columns_share_it():
    names = [
        "防災行政無線_名称",
        "防災行政無線_緯度",
        "防災行政無線_経度",
        "名称_カナ",
        "名称_英語",
    ]
    assert shared_prefixes(names) == {normal_header("防災行政無線_")}


def test_column_letters():
    assert [column_letters(n) for n in (1, 26, 27, 52, 703)] == ["A", "Z", "AA", "AZ", "AAA"]


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=4), min_size=1, max_size=6))
def test_any_table_is_read_or_refused(rows):
    try:
        found = read_table(decode(ScratchFile(csv_bytes(rows))))
    except UnreadableFile:
        return
    assert all(len(row.cells) == len(found.header) for row in found.rows)


def test_a_header_wider_than_any_spreadsheet_is_refused():
    header = ",".join(f"列{number}" for number in range(16_385))
    with pytest.raises(UnreadableFile, match="16385 columns"):
        table(f"{header}\n{',' * 16_384}\n")
