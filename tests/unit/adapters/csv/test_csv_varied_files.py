"""Files as publishers and spreadsheets spoil them: each is read right or told of, never lost."""

import re

import pytest

from adapters.csv.importing import ReadFile
from tests.unit.adapters.csv.tables import entities, imported_bytes

HEADER = (
    "市区町村コード,NO,名称,名称_カナ,住所,緯度,経度,設置位置"
    ",開始時間,終了時間,小児対応設備の有無,備考"
)
HALL = "222127,1,市役所,シヤクショ,焼津市本町2-16-32,34.8669,138.3237,1階,8:30,17:15,有,"
HOUSE = "222127,2,文化会館,カイカン,焼津市三ケ名1550,34.8571,138.3123,2階,9:00,22:00,無,"


def text(*lines: str, end: str = "\r\n") -> str:
    return end.join(lines) + end


GOOD = text(HEADER, HALL, HOUSE)


def read(data: str | bytes, name: str = "222127_aed.csv") -> ReadFile:
    content = data if isinstance(data, bytes) else data.encode()
    return imported_bytes(content, name)


EXPECTED = entities(read(GOOD))

SAME = {
    "CP932": GOOD.encode("cp932"),
    "EUC-JP": GOOD.encode("euc_jp"),
    "ISO-2022-JP": GOOD.encode("iso2022_jp"),
    "UTF-16": GOOD.encode("utf-16"),
    "tabs": GOOD.replace(",", "\t").encode("cp932"),
    "semicolons": GOOD.replace(",", ";").encode("utf-8-sig"),
    "header in row 3": text("AED設置箇所一覧", "令和5年4月1日現在", HEADER, HALL, HOUSE).encode(),
    "header under merged groups": text("団体,,施設,,,座標,,,,,,", HEADER, HALL, HOUSE).encode(),
    "blank lines": text("", HEADER, "", HALL, "," * 11, HOUSE, "", "").encode(),
    "old Mac line ends": text(HEADER, HALL, HOUSE, end="\r").encode(),
    "half-width kana in the header": GOOD.replace("_カナ", "_ｶﾅ").encode("cp932"),
    "empty columns at the end": text(HEADER + ",,,", HALL + ",,,", HOUSE + ",,,").encode(),
    "texts as formulas": GOOD.replace(",市役所,", ',="市役所",')
    .replace(",1,", ',="1",', 1)
    .encode(),
    "dashes for none": text(HEADER, HALL + "-", HOUSE + "－").encode(),
    "the header again": text(HEADER, HALL, HEADER, HOUSE).encode(),
    "a line sep=": ("sep=,\r\n" + GOOD).encode(),
    "full-width figures": GOOD.replace("34.8669", "３４．８６６９")
    .replace("8:30", "８：３０")
    .encode(),
    "fractions of a day": GOOD.replace("8:30", "0.354166667").replace("17:15", "0.71875").encode(),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_table_gives_the_same_entities(name):
    assert entities(read(SAME[name])) == EXPECTED


REFUSED = {
    "nothing": (b"", "empty"),
    "a mark alone": (b"\xef\xbb\xbf\r\n", "empty"),
    "commas": (b",,,,\r\n,,,,\r\n", "no header"),
    "an error page": (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "a page without head": (b"\n<!-- x --><table><tr><td>", "web page"),
    "JSON": (b'[ {"a": 1}]', "JSON"),
    "a workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "workbook"),
    "two encodings": (text(HEADER, HALL).encode() + HOUSE.encode("cp932"), r"\(line 3\)"),
    "an open quotation mark": (
        text(HEADER, HALL.replace("市役所", '"市役所'), HOUSE, HOUSE).encode(),
        "row 2: a quotation mark is not closed",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused_with_reason_and_remedy(name):
    data, reason = REFUSED[name]
    report = read(data).report
    assert report.outcome == "refused"
    assert report.remedy
    assert re.search(reason, report.reason)


WARNED = {
    "an error of a formula": (HALL.replace("1階", "#REF!"), "#REF!", "error of the spreadsheet"),
    "one in a column of times": (HALL.replace("8:30", "#N/A"), "#N/A", "error of the spreadsheet"),
    "an id made a date": (HALL.replace(",1,", ",1月2日,", 1), "1月2日", "spreadsheet had made"),
    "an id made a power": (HALL.replace(",1,", ",1E+03,", 1), "1E+03", "spreadsheet had made"),
    "a code made a power": (HALL.replace("222127", "2.22E+05"), "2.22E+05", "municipality code"),
    "a control character": (HALL.replace("市役所", "市役\x07所"), "市役\x07所", "U\\+0007"),
    "an exchanged pair": (
        HALL.replace("34.8669,138.3237", "138.3237,34.8669"), "138.3237, 34.8669", "exchanged"
    ),
    "figures without marks": (
        HALL.replace("34.8669,138.3237", "345200,1381925"), "345200, 1381925", "not a position"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNED)
def test_what_is_doubtful_is_told_with_its_row_and_value(name):
    line, value, reason = WARNED[name]
    found = read(text(HEADER, line, HOUSE))
    told = [one for one in found.report.warnings if one.value == value]
    assert [one.row for one in told] == [2]
    assert told[0].remedy
    assert re.search(reason, told[0].reason)
    assert len(entities(found)) == 2


@pytest.mark.parametrize(
    "written",
    ["34°52'0.84\",138°19'25.32\"", "34度52分0.84秒,138度19分25.32秒", "34.52.0.84,138.19.25.32",
     "34-52-0.84,138-19-25.32"],
)  # fmt: skip
def test_degrees_minutes_and_seconds_are_read_and_listed(written):
    quoted = written.replace('"', '""')
    cells = ",".join(f'"{cell}"' for cell in quoted.split(","))
    found = read(text(HEADER, HALL.replace("34.8669,138.3237", cells)))
    assert entities(found)[0]["location"]["value"]["coordinates"] == [138.3237, 34.8669]
    assert "degrees, minutes, seconds" in next(iter(found.report.repairs)).reason


def test_minutes_beyond_59_are_no_position():
    found = read(text(HEADER, HALL.replace("34.8669,138.3237", "34.72.10,138.19.25")))
    assert "location" not in entities(found)[0]


def test_a_header_over_two_rows_is_told():
    rows = text(
        "市区町村コード,NO,名称,,住所,位置,,設置,利用時間,,小児,備考",
        ",,名称,カナ,,緯度,経度,位置,開始,終了,対応,",
        HALL,
    )
    assert any("go on in row 2" in remark for remark in read(rows).report.remarks)


def test_a_header_without_rows_is_told():
    assert "there is a header but no row of data" in read(text(HEADER)).report.remarks


def test_a_cell_of_several_lines_is_no_open_quotation_mark():
    note = '"一行目, 二行目\n三行目, 四行目\n五、六"'
    found = read(text(HEADER, HALL + note, HOUSE))
    assert entities(found)[0]["remarks"]["value"] == note.strip('"')


ENGLISH = "code,no,name,kana,address,lat,lon,place,open,close,child,note"
CELLS = HEADER.count(",") + 1


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (text(HEADER, ENGLISH, HALL, HOUSE), 2),
        (text(HEADER, ",".join(["必須"] * 5 + ["任意"] * (CELLS - 5)), HALL, HOUSE), 2),
        (text(HEADER, HALL) + "\ufeff" + text(HEADER, HOUSE), 3),  # files put together
        (text(HEADER, HALL, HOUSE, ",,計" + "," * (CELLS - 3)), 4),
    ],
)
def test_rows_about_the_table_are_told_and_never_places(data, row):
    found = read(data)
    assert entities(found) == EXPECTED
    assert found.report.rows.ignored == 1
    assert any(f"row {row}" in one or f": {row}" in one for one in found.report.remarks)


def test_a_row_that_says_in_words_what_the_columns_hold_is_no_place():
    says = ["保育施設名称", "保育施設住所１", "緯度", "経度", "電話番号", "定員", "開始年齢"]
    home = ["中央保育園", "焼津市本町", "34.86", "138.32", "054-626-1111", "120", "3歳"]
    header = ["Name", "Add1", "Y", "X", "TEL", "Full", "AgeS"]
    found = read("\r\n".join(",".join(row) for row in (header, says, home)) + "\r\n")
    assert [one["name"]["value"] for one in entities(found)] == ["中央保育園"]
    assert found.report.rows.ignored == 1


def test_places_called_like_columns_are_rows():
    assert len(entities(read(text(HEADER, HALL, "222127,3,緯度,,経度,,,,,,,")))) == 2


@pytest.mark.parametrize("end", ["\x1a", "\0" * 64])
def test_what_old_systems_write_at_the_end_is_no_row(end):
    assert entities(read(GOOD + end)) == EXPECTED


def test_a_quotation_mark_open_at_the_end_is_refused():
    found = read(text(HEADER, HALL, HOUSE.replace("2階", '"2階')))
    assert found.mapped is None
    assert "row 3: a quotation mark is not closed" in found.report.reason
    closed = text(HEADER, HALL, HOUSE.replace("無,", '無,"注 ""1"""')).rstrip()
    assert len(entities(read(closed))) == 2


def test_utf_16_without_a_mark_in_either_order():
    wide = GOOD.replace(",", "\t")
    assert entities(read(wide.encode("utf-16-be"))) == EXPECTED
    assert entities(read(wide.encode("utf-16-le"))) == EXPECTED


@pytest.mark.parametrize(("north", "east"), [("35.8669", "138.3237"), ("34.8669", "139.9237")])
def test_a_position_a_degree_away_is_told_with_the_town_it_is_near(north, east):
    found = read(text(HEADER, HALL.replace("34.8669", north).replace("138.3237", east), HOUSE))
    (doubt,) = found.report.warnings
    assert re.search(r"lies 1\d\d km from 焼津市, near \w+", doubt.reason)


def test_the_far_end_of_a_large_municipality_is_not_doubted():
    row = HALL.replace("222127", "221309").replace("34.8669,138.3237", "35.2118,137.8913")
    assert not read(text(HEADER, row)).report.warnings
