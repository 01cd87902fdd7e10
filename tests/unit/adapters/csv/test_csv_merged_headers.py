"""Headers over two rows of merged cells: joined where the shape is certain, told elsewhere."""

import pytest

from tests.unit.adapters.csv.tables import entities, imported

UPPER = ["No.", "名称", "住所", "座標", "", "災害種別", "", "", "備考"]
LOWER = ["", "", "", "緯度", "経度", "洪水", "地震", "津波", ""]
HALL = ["1", "市役所", "焼津市本町2-16-32", "34.8669", "138.3237", "○", "○", "", ""]
HOUSE = ["2", "文化会館", "焼津市三ケ名1550", "34.8571", "138.3123", "", "○", "", "x"]
NAME = "222127_evacuation_space.csv"


def header(rows):
    return imported(rows, NAME).report.header


def test_names_below_merged_groups_are_joined():
    read = imported([["避難場所"], UPPER, LOWER, HALL, HOUSE], NAME)
    first, second = entities(read)
    assert first["hazardTypes"]["value"] == ["flood", "earthquake"]
    assert first["location"]["value"]["coordinates"] == [138.3237, 34.8669]
    assert second["remarks"]["value"] == "x"
    assert read.report.rows.read == 2
    assert any("rows 2 and 3" in remark for remark in read.report.remarks)


def test_a_group_stays_with_names_that_need_it():
    upper = ["地区名", "人口", "", "外国人", ""]
    found = header([upper, ["", "男", "女", "男", "女"], ["本町", "9", "8", "1", "2"]])
    assert found == ["地区名", "人口_男", "人口_女", "外国人_男", "外国人_女"]


def test_the_name_of_a_contact_is_not_the_name_of_the_place():
    rows = [["施設名", "住所", "連絡先", ""], ["", "", "名称", "所属"]]
    rows += [["市民館", "焼津市本町1", "管理課", "市"], ["体育館", "焼津市栄町1", "運動課", "市"]]
    read = imported(rows, NAME, entity_type="PublicFacility")
    assert [entity["name"]["value"] for entity in entities(read)] == ["市民館", "体育館"]


def test_names_missing_in_the_lower_row_are_taken_from_above():
    upper = ["名称", "", "", "", "備考"]
    lower = ["", "住所", "緯度", "経度", ""]
    assert header([upper, lower, ["市役所", "焼津市", "34.8669", "138.3237", "x"]]) == [
        "名称", "住所", "緯度", "経度", "備考"]  # fmt: skip


def test_latitude_and_longitude_below_one_merged_cell_are_joined():
    upper = ["番号", "公園名", "所在地", "位置", "", "備考"]
    lower = ["", "", "", "緯度", "経度", ""]
    rows = [upper, lower, ["1", "中央公園", "焼津市本町1", "34.8669", "138.3237", ""]]
    read = imported(rows, "parks.csv", entity_type="PointOfInterest")
    assert read.report.header == ["番号", "公園名", "所在地", "緯度", "経度", "備考"]
    (entity,) = entities(read)
    assert entity["name"]["value"] == "中央公園"
    assert entity["location"]["value"]["coordinates"] == [138.3237, 34.8669]


def test_one_word_below_a_nameless_column_is_no_name():
    rows = [["名称", "住所", ""], ["市役所", "焼津市", "緯度"], ["会館", "焼津市", "x"]]
    assert header(rows)[:2] == ["名称", "住所"]


def test_a_title_is_no_name_of_a_column():
    found = header([["一覧表", "", ""], ["", "名称", "住所"], ["a", "市役所", "焼津市"]])
    assert found[1:] == ["名称", "住所"]
    assert "一覧表" not in found


@pytest.mark.parametrize(
    "row",
    [
        ["市役所", "焼津市本町", "1階", "休日"],  # data below columns without a name
        ["", "", "7", "12"],
    ],
)
def test_a_row_of_data_never_becomes_a_name(row):
    rows = [["名称", "住所", "", ""], row, ["文化会館", "焼津市三ケ名", "2階", "平日"]]
    read = imported(rows, NAME)
    assert read.report.header[:2] == ["名称", "住所"]
    assert read.report.header_row == 1
    assert read.report.rows.read == 2


def test_without_data_below_nothing_is_joined():
    assert header([UPPER, LOWER])[0] == "No."
    assert imported([UPPER, LOWER], NAME).report.header_row == 1


def test_a_table_about_columns_is_no_header_of_two_rows():
    rows = [["original_name", "display_name", "label_flag"], ["名称", "名称", ""],
            ["住所", "住所", ""]]  # fmt: skip
    assert not any("joined" in remark for remark in imported(rows, "attributes.csv").report.remarks)
