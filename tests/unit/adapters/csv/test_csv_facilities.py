"""Data sets whose facilities stand in a file of their own."""

from tests.unit.adapters.csv.tables import csv_bytes, entities, imported

FACILITIES = csv_bytes(
    [["全国地方公共団体コード", "施設_ID", "施設_名称", "施設_所在地_連結表記",
      "施設_緯度", "施設_経度"],
     ["222127", "F01", "市役所", "静岡県焼津市本町2-16-32", "34.866918", "138.323171"]]
)  # fmt: skip
HEADER = ["全国地方公共団体コード", "ID", "施設_ID", "設置位置", "小児対応設備の有無"]


def test_name_and_place_come_from_the_facility():
    read = imported([HEADER, ["222127", "1", "F01", "1階", "有"]], facilities=FACILITIES)
    entity = entities(read)[0]
    assert entity["id"] == "urn:ngsi-ld:Defibrillator:222127-1"
    assert entity["name"]["value"] == "市役所"
    assert entity["fullAddress"]["value"] == "静岡県焼津市本町2-16-32"
    assert entity["location"]["value"]["coordinates"] == [138.323171, 34.866918]
    assert any("1 facilities" in remark for remark in read.report.remarks)


def test_a_facility_that_is_not_listed_rejects_the_row_and_is_remarked():
    rows = [HEADER, ["222127", "1", "F01", "1階", "有"], ["222127", "2", "F99", "2階", "有"]]
    read = imported(rows, facilities=FACILITIES)
    assert len(entities(read)) == 1
    assert next(iter(read.report.rejected)).row == 3
    assert any("not in the list" in remark for remark in read.report.remarks)


def test_a_table_with_its_own_addresses_is_left_alone():
    rows = [[*HEADER, "名称", "住所"], ["222127", "1", "F01", "1階", "有", "図書館", "焼津市1"]]
    assert entities(imported(rows, facilities=FACILITIES))[0]["name"]["value"] == "図書館"
