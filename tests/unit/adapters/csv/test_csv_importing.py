"""Recognition, refusals, reports and proposals."""

import json
import tomllib

import pytest

from adapters.csv.importing import shipped_types
from adapters.csv.layout_files import LayoutError, parse_layout, shipped_layouts
from adapters.csv.proposal import propose_mapping
from adapters.csv.recognition import recognise
from adapters.csv.rendering import lines_of, render_totals
from adapters.csv.scratch import ScratchFile
from tests.unit.adapters.csv.tables import AED, aed, csv_bytes, entities, imported, imported_bytes

UNKNOWN = [
    ["樹種", "本数", "公園", "植樹日"],
    ["さくら", "12", "中央公園", "2020/4/1"],
    ["うめ", "3", "西公園", "2021/4/1"],
]


def test_an_unknown_layout_is_refused_with_what_to_do():
    report = imported(UNKNOWN, "trees.csv").report
    assert report.outcome == "refused"
    assert "--propose-mapping trees.csv" in report.remedy


def test_a_proposal_is_a_mapping_that_imports_the_file():
    rows = [["樹種", "名称", "住所", "本数", "植樹日", "緯度", "経度"],
            ["さくら", "中央公園", "焼津市本町", "12", "2020/4/1", "34.86", "138.32"],
            ["うめ", "西公園", "焼津市西", "3", "2021/4/1", "34.87", "138.31"]]  # fmt: skip
    proposal = propose_mapping(ScratchFile(csv_bytes(rows)), "222127_trees.csv")
    document = tomllib.loads(proposal)
    assert document["type"] == "Trees"
    assert document["attributes"]["columnD"] == {"headers": ["本数"], "kind": "integer"}
    assert document["attributes"]["columnE"]["kind"] == "date"
    read = imported(rows, mapping=parse_layout(proposal, "trees.toml"))
    found = entities(read)
    assert [entity["type"] for entity in found] == ["Trees", "Trees"]
    assert found[0]["columnD"]["value"] == 12
    assert "location" in found[0]


def test_a_proposal_makes_no_number_of_a_code_and_no_telephone_of_a_street():
    rows = [["棟", "窓口", "通り", "樹齢"]]
    rows += [[f"0{n}", f"054-626-11{n}", f"Kita-chō {n}-1-1", str(n)] for n in range(11, 20)]
    proposal = propose_mapping(ScratchFile(csv_bytes(rows)), "trees.csv")
    assert 'headers = ["棟"] }' in proposal
    assert 'headers = ["窓口"], kind = "phone" }' in proposal
    assert 'headers = ["通り"] }' in proposal
    assert 'headers = ["樹齢"], kind = "integer" }' in proposal


def test_a_proposal_for_a_table_without_names_is_a_valid_mapping_too():
    proposal = propose_mapping(ScratchFile(csv_bytes(UNKNOWN)), "trees.csv")
    read = imported(UNKNOWN, mapping=parse_layout(proposal, "trees.toml"))
    assert len(entities(read)) == 2


def test_a_type_may_be_stated():
    rows = [["名称", "住所", "高さ"], ["さくら", "焼津市本町", "3m"], ["うめ", "焼津市西", "2m"]]
    found = entities(imported(rows, entity_type="Tree"))
    assert found[0]["type"] == "Tree"
    assert found[0]["otherColumns"]["json"] == {"高さ": "3m"}
    known = entities(imported(rows, entity_type="PublicFacility"))
    assert known[0]["type"] == "PublicFacility"


FACILITIES = [
    ["市区町村コード", "NO", "名称", "名称_通称", "POIコード", "住所", "緯度", "経度"],
    ["222127", "1", "駅北口駐車場", "", "", "焼津市駅北1", "34.873047", "138.318427"],
    ["222127", "2", "駅北口自転車駐車場", "", "", "焼津市駅北1", "34.872816", "138.318336"],
]


def test_the_name_of_a_file_tells_what_general_columns_do_not():
    parked = entities(imported(FACILITIES, "222127_municipal_parking_lot.csv"))
    assert [one["type"] for one in parked] == ["OffStreetParking", "BicycleParking"]
    assert parked[1]["id"] == "urn:ngsi-ld:BicycleParking:222127-2"
    for name in ("222127_x.csv", "222127_public_facility.csv", "公共施設（駐車場を含む）.csv"):
        facilities = entities(imported(FACILITIES, name))
        assert {one["type"] for one in facilities} == {"PublicFacility"}


@pytest.mark.parametrize(
    ("patterns", "says"),
    [('nmae = { "a" = "B" }', "'nmae' is no attribute"), ('name = { "(" = "B" }', "name: missing")],
)
def test_wrong_patterns_of_types_are_refused(patterns, says):
    text = f'type = "A"\nblocks = ["head"]\n[type_patterns]\n{patterns}\n'
    with pytest.raises(LayoutError, match=says):
        parse_layout(text, "m.toml")


def test_a_missing_required_column_refuses_the_file():
    rows = [
        ["NO", "施設の名", "診療科目", "医療機関の種類", "病床数"],
        ["1", "有", "内科", "病院", "3"],
    ]
    report = imported(rows, "222127_hospital.csv", entity_type="MedicalFacility").report
    assert report.outcome == "refused"
    assert "name" in report.reason
    assert "名称" in report.remedy


def test_too_many_rejected_rows_refuse_the_file():
    rows = [AED, aed("1"), aed("2", name=""), aed("3", name="")]
    read = imported(rows)
    assert read.mapped is None
    assert "2 of 3 rows" in read.report.reason
    assert imported(rows, most_rejected=0.7).mapped is not None


def test_a_file_without_rows_is_an_empty_import():
    read = imported([AED])
    assert read.report.outcome == "checked"
    assert entities(read) == []


def test_unreadable_files_are_reports_not_exceptions():
    report = imported_bytes(b"<html>404</html>", "aed.csv").report
    assert report.outcome == "refused"
    assert report.reason
    assert report.remedy


def test_the_name_of_the_file_decides_where_columns_do_not():
    header = ["NO", "名称", "住所", "緯度", "経度"]
    row = ["1", "小浜", "焼津市小浜", "34.8", "138.3"]
    assert (
        entities(imported([header, row], "222127_douhou_musen.csv"))[0]["type"]
        == "PublicAddressSpeaker"
    )
    assert imported([header, row], "222127_list.csv").report.outcome == "refused"


def test_columns_win_over_the_name_of_the_file():
    assert (
        entities(imported([AED, aed("1")], "222127_public_toilet.csv"))[0]["type"]
        == "Defibrillator"
    )


@pytest.mark.parametrize("layout", shipped_layouts(), ids=lambda layout: layout.name)
def test_every_layout_is_recognised_by_its_first_headers(layout):
    header = []
    for column in layout.columns.values():
        if column.pattern is None and column.kind not in ("rest", "marks", "recurrence", "records"):
            header.append(column.headers[0])
        header += [names[0] for names in (*column.columns.values(), *column.fields.values())]
    found = recognise(header, f"x_{layout.slugs[0] if layout.slugs else ''}.csv", shipped_layouts())
    assert found is not None
    assert layout.type in found.layout.entity_types()


def test_prefixed_columns_of_data_models_are_understood():
    header = [
        "ゴミ集積場所_ID",
        "ゴミ集積場所_名称",
        "ゴミ集積場所_緯度",
        "ゴミ集積場所_経度",
        "ゴミ集積場所_ゴミ種類",
        "ゴミ集積場所_ゴミ収集日",
    ]
    row = ["1", "本町1", "34.86", "138.32", "燃やせるごみ", "月・木"]
    entity = entities(imported([header, row]))[0]
    assert entity["type"] == "WasteContainerIsle"
    assert entity["location"]["value"]["coordinates"] == [138.32, 34.86]


def test_a_repeated_header_is_the_second_column():
    header = ["no", "facility_name", "address", "temporary", "available_from", "available_from"]
    entity = entities(imported([header, ["1", "幼稚園", "大阪市", "有", "9:00", "14:00"]]))[0]
    assert entity["startTime"]["value"] == "09:00"
    assert entity["endTime"]["value"] == "14:00"


def test_the_report_names_file_row_column_value_reason_and_remedy():
    read = imported(
        [AED, aed("1", east="東経"), aed("2", name=""), aed("3", "公園"), aed("4", "駅")],
        "222127_aed.csv",
    )
    document = json.loads(b"".join(read.report.json_parts()))
    json.dumps(document)
    assert document["rejected"] == [
        {"file": "222127_aed.csv", "row": 3, "column": "C", "header": "名称", "value": "",
         "reason": "name is required and missing or unreadable", "remedy": "fill the cell"}
    ]  # fmt: skip
    (warning,) = document["warnings"]
    assert (warning["row"], warning["column"]) == (2, "E")
    assert "東経" in warning["value"]
    assert warning["remedy"]


def test_the_terminal_shows_what_needs_a_person():
    read = imported(
        [AED, aed("1", flag="☆", code="37201"), aed("2", "公園", code="37201")], "x_aed.csv"
    )
    text = "\n".join(lines_of(read.report))
    assert "row 2, column H (小児対応設備の有無) '☆'" in text
    assert "and 1 more row: check digit of the municipality code restored" in text
    assert "1 file, 0 refused" in render_totals([read.report])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 'x'", "type"),
        ("type = 'A'\ncolums = 1", "did you mean 'columns'|known are|did you mean"),
        ("type = 'A'\n[attributes]\na = { kind = 'numbr' }", "did you mean 'number'"),
        ("type = 'A'\nblocks = ['hed']", "hed"),
        ("type = 'A'\n[identity]\nkey = ['nonsense']", "nonsense"),
        ("type = 'A'\n[attributes]\na = { pattern = '(' }", "pattern"),
        ("type = 'A'\nrequired = ['b']", "'b'"),
        ("type = ", "Invalid"),
    ],
)
def test_mistakes_in_mapping_files_are_named(text, message):
    with pytest.raises(LayoutError, match=message):
        parse_layout(text, "own.toml")


def test_merged_cells_are_filled_down_only_when_the_mapping_says_so():
    mapping = parse_layout(
        "type = 'Room'\n[identity]\nstated = []\nkey = ['name', 'building']\n[attributes]\n"
        "name = ['室名']\nbuilding = { headers = ['建物'], fill_down = true }\n",
        "rooms.toml",
    )
    found = entities(imported([["建物", "室名"], ["本館", "1号"], ["", "2号"]], mapping=mapping))
    assert [entity["building"]["value"] for entity in found] == ["本館", "本館"]


def test_six_columns_of_degrees():
    mapping = parse_layout(
        "type = 'Station'\n[identity]\nkey = ['name']\n[attributes]\nname = ['観測所']\n"
        "position = { kind = 'dms', columns = {"
        " latDegree = ['北緯度'], latMinute = ['北緯分'], latSecond = ['北緯秒'],"
        " lonDegree = ['東経度'], lonMinute = ['東経分'], lonSecond = ['東経秒'] } }\n",
        "stations.toml",
    )
    header = ["観測所", "北緯度", "北緯分", "北緯秒", "東経度", "東経分", "東経秒"]
    entity = entities(
        imported([header, ["A", "36", "3", "36", "136", "13", "12"]], mapping=mapping)
    )[0]
    assert entity["location"]["value"]["coordinates"] == pytest.approx([136.22, 36.06])


def test_types_are_listed():
    wanted = {
        "EvacuationSite",
        "EvacuationShelter",
        "Defibrillator",
        "PublicToilet",
        "Event",
        "PopulationByArea",
    }
    assert wanted <= set(shipped_types())


def test_named_places_of_no_known_kind_need_only_a_type():
    rows = [["NO", "名称", "住所", "緯度", "経度"], ["1", "防災倉庫", "焼津市", "34.8", "138.3"]]
    report = imported(rows, "222127_souko.csv").report
    assert "--type TYPE, PointOfInterest" in report.remedy
    found = entities(imported(rows, "222127_souko.csv", entity_type="PointOfInterest"))
    assert found[0]["id"] == "urn:ngsi-ld:PointOfInterest:222127-1"


@pytest.mark.parametrize(
    "header",
    [
        ["NO", "名称", "住所", "設置場所", "説明"],
        ["name", "title", "service", "tel", "place"],
        ["名称", "種別", "所在地"],
        ["保育園名", "洪水", "土砂災害", "住所"],
        ["店舗名", "店舗名", ""],
        ["name", "classification", "note"],
        ["type", "name", "address"],
    ],
)
def test_layouts_are_not_guessed_from_common_words(header):
    row = ["1"] * len(header)
    assert imported([header, row], "222127_list.csv").report.outcome == "refused"


def test_a_lone_hazard_may_mean_a_danger_and_is_not_taken():
    rows = [["名称", "住所", "洪水", "地震"], ["A", "焼津市", "○", ""]]
    assert imported(rows, "222127_list.csv").report.outcome == "refused"
    entity = entities(imported(rows, "222127_list.csv", entity_type="EvacuationSite"))[0]
    assert "hazardTypes" not in entity
    assert entity["otherColumns"]["json"]["洪水"] == "○"


def test_the_national_id_wins_over_a_serial_number():
    header = ["NO", "共通ID", "施設・場所名", "住所", "洪水", "地震", "津波", "緯度", "経度"]
    row = ["7", "E2221200012", "公園", "焼津市本町", "1", "", "1", "34.86", "138.32"]
    entity = entities(imported([header, row], "222127_1.csv"))[0]
    assert entity["id"] == "urn:ngsi-ld:EvacuationSite:222127-E2221200012"


def test_remarks_in_parentheses_do_not_hide_a_column():
    header = [
        "全国地方公共団体コード",
        "ID",
        "種別",
        "口径(管径ｍｍ)",
        "所在地_都道府県",
        "所在地_市区町村",
        "所在地_町字",
    ]
    entity = entities(
        imported([header, ["172049", "1", "消火栓", "65", "石川県", "輪島市", "河井町"]])
    )[0]
    assert entity["hydrantDiameter"]["value"] == 65
    assert entity["fullAddress"]["value"] == "石川県輪島市河井町"


def test_a_position_cut_in_two_by_its_comma_is_joined():
    header = ["regionName", "totalPopulation", "surveyDate", "location", ""]
    entity = entities(
        imported([header, ["塩屋町", "213", "2020-09-01", "34.342286", "134.055021"]])
    )[0]
    assert entity["location"]["value"]["coordinates"] == [134.055021, 34.342286]


def test_the_same_doubt_in_many_rows_is_one_line_of_the_report():
    rows = [aed(str(number), flag="☆") for number in range(1, 10)] + [aed("10", flag="？")]
    lines = [line for line in lines_of(imported([AED, *rows]).report) if "☆" in line]
    assert len(lines) == 1
    assert "row 2" in lines[0]
    assert "and 8 more rows" in lines[0]


def test_the_nursery_maps_of_many_cities_are_known():
    row = {
        "Name": "中央保育園", "Label": "中央", "Type": "認可保育所", "Add1": "焼津市",
        "Add2": "本町1-2", "Y": "34.8669", "X": "138.3237", "Full": "90", "AgeS": "1歳",
        "Open": "7:30", "Close": "19:00", "Extra": "Y", "Temp": "",
    }  # fmt: skip
    (nursery,) = entities(imported([list(row), list(row.values())], "nurseryData.csv"))
    assert nursery["id"].startswith("urn:ngsi-ld:ChildcareFacility:222127-x")
    assert nursery["fullAddress"]["value"] == "焼津市本町1-2"
    assert nursery["extendedChildcare"]["value"] is True
    assert "temporaryChildCare" not in nursery


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("避難所リスト.csv", ["施設名", "住所", "緯度", "経度", "標高"], "EvacuationShelter"),
        ("wifi.csv", ["設置場所", "住所", "関連HP", "緯度", "経度"], "WifiPointOfInterest"),
        ("target.csv", ["label", "name", "notice", "furigana"], "WasteSortingRule"),
        ("aed.csv", ["NO", "name", "ido", "keido"], "Defibrillator"),
    ],
)
def test_names_and_columns_cities_use_are_recognised(name, header, expected):
    row = [
        {"緯度": "34.8", "経度": "138.3", "ido": "34.8", "keido": "138.3"}.get(one, "1")
        for one in header
    ]
    (entity,) = entities(imported([header, row], name))
    assert entity["type"] == expected


def test_rows_of_refused_files_are_told_apart_in_the_totals():
    good, refused = imported([AED, aed("1")]), imported([["a", "b"], ["1", "2"], ["3", "4"]])
    text = render_totals([good.report, refused.report])
    assert "2 files, 1 refused; 1 row (2 more in refused files): 1 can be imported, 0 rej" in text


def test_what_columns_begin_with_names_the_data_set():
    header = [f"防災行政無線_{one}" for one in ("ID", "名称", "住所", "緯度", "経度")]
    read = imported([header, ["1", "本町", "焼津市本町", "34.86", "138.32"]], "222127_x.csv")
    assert entities(read)[0]["type"] == "PublicAddressSpeaker"


def test_the_title_names_the_data_set_where_the_file_does_not():
    header = ["NO", "名称", "住所", "緯度", "経度"]
    row = ["1", "本町", "焼津市本町", "34.86", "138.32"]
    read = imported([["ＡＥＤ設置箇所一覧（令和6年4月1日現在）"], header, row], "data.csv")
    assert entities(read)[0]["type"] == "Defibrillator"


def test_columns_named_by_iris_are_known_by_their_last_part():
    geo = "http://www.w3.org/2003/01/geo/wgs84_pos#"
    header = ["https://schema.org/name", "https://schema.org/address", f"{geo}lat", f"{geo}long",
              "https://schema.org/telephone"]  # fmt: skip
    row = ["市役所", "越前市府中一丁目13-7", "35.903", "136.168", "0778-22-3000"]
    (found,) = entities(imported([header, row], "AED.csv"))
    assert found["name"]["value"] == "市役所"
    assert found["contactPointPhoneNumber"]["value"] == "0778-22-3000"
    assert found["location"]["value"]["coordinates"] == [136.168, 35.903]
