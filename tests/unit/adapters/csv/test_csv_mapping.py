"""From rows to entities: the traps of real files, one small table each."""

import pytest

from tests.unit.adapters.csv.tables import AED, aed, entities, imported, imported_bytes


def value(entity, name):
    return entity[name]["value"]


def test_an_old_layout_gets_the_english_names():
    entity = entities(imported([AED, aed("1", note="正面")]))[0]
    assert value(entity, "name") == "市役所"
    assert value(entity, "fullAddress") == "静岡県焼津市本町2-16-32"
    assert value(entity, "installationLocation") == "1階"
    assert entity["location"]["value"] == {"type": "Point", "coordinates": [138.323171, 34.866918]}
    assert value(entity, "remarks") == "正面"


def test_three_generations_give_the_same_attributes():
    old = [["市区町村コード", "NO", "名称", "住所", "設置位置", "多機能トイレ数",
            "車椅子使用者用トイレ有無"],
           ["222127", "1", "公園", "焼津市本町", "入口", "1", "有"]]  # fmt: skip
    standard = [["全国地方公共団体コード", "ID", "名称", "所在地_連結表記", "設置位置",
                 "バリアフリートイレ数", "車椅子使用者用トイレ有無"],
                old[1]]  # fmt: skip
    area = [["localGovernmentCode", "identifier", "name", "fullAddress", "installationLocation",
             "numberOfMultipurposeToilet", "multipurposeToilet"],
            ["222127", "1", "公園", "焼津市本町", "入口", "1", "あり"]]  # fmt: skip
    found = [entities(imported(rows))[0] for rows in (old, standard, area)]
    for entity in found:
        assert entity["type"] == "PublicToilet"
        assert value(entity, "numberOfMultipurposeToilet") == 1
        assert value(entity, "multipurposeToilet") is True
    assert len({entity["id"] for entity in found}) == 1
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("mark", "expected"), [("○", True), ("〇", True), ("無", False), ("△", "conditional")]
)
def test_flags_keep_the_original(mark, expected):
    entity = entities(imported([AED, aed("1", flag=mark)]))[0]
    assert value(entity, "pediatricSupport") == expected
    assert entity["pediatricSupport"]["asPublished"]["value"] == mark


@pytest.mark.parametrize("mark", ["", "－", "未確認"])
def test_what_is_not_stated_is_no_attribute(mark):
    assert "pediatricSupport" not in entities(imported([AED, aed("1", flag=mark)]))[0]


def test_an_unknown_mark_is_a_note_and_a_warning():
    read = imported([AED, aed("1", flag="☆")])
    entity = entities(read)[0]
    assert "pediatricSupport" not in entity
    assert value(entity, "pediatricSupportNote") == "☆"
    assert (
        read.report.place(next(iter(read.report.warnings)))
        == "row 2, column H (小児対応設備の有無)"
    )


HAZARDS = ["ID", "名称", "所在地_連結表記", "災害種別_洪水", "災害種別_地震", "災害種別_津波"]


def hazards(flood, earthquake, tsunami):
    read = imported([HAZARDS, ["1", "公園", "焼津市本町", flood, earthquake, tsunami]])
    return entities(read)[0], read.report


def test_hazards_are_an_array_and_a_blank_is_no():
    entity, _ = hazards("1", "", "○")
    assert entity["type"] == "EvacuationSite"
    assert value(entity, "hazardTypes") == ["flood", "tsunami"]
    assert "hazardTypesUnclear" not in entity


@pytest.mark.parametrize("mark", ["△", "－", "☆", "要確認"])
def test_an_unclear_hazard_is_never_read_as_no(mark):
    entity, report = hazards("1", mark, "")
    assert value(entity, "hazardTypes") == ["flood"]
    assert value(entity, "hazardTypesUnclear") == ["earthquake"]
    assert next(iter(report.warnings)).column == 4


@pytest.mark.parametrize("mark", ["○（2階以上）", "可(一部)", "○（３階より上）"])
def test_a_site_that_is_safe_in_part_is_not_said_to_be_safe(mark):
    entity, report = hazards(mark, "1", "×（浸水域）")
    assert value(entity, "hazardTypes") == ["earthquake"]
    assert value(entity, "hazardTypesUnclear") == ["flood"]
    assert entity["hazardTypesUnclear"]["asPublished"]["value"] == f"flood: {mark}"
    assert [one.column for one in report.warnings] == [3]


def test_a_site_without_any_mark_has_no_array_but_a_warning():
    entity, report = hazards("", "", "")
    assert "hazardTypes" not in entity
    assert report.warnings


def test_the_two_legal_things_are_two_types():
    header = ["避難先名称", "避難種別", "災害区分", "所在地"]
    read = imported([header,
                     ["公園", "避難場所", "洪水　地震", "和歌山市1"],
                     ["学校", "避難所", "", "和歌山市2"],
                     ["体育館", "避難所を兼ねる避難場所", "津波　", "和歌山市3"],
                     ["不明", "広場", "", "和歌山市4"]])  # fmt: skip
    found = entities(read)
    assert [entity["type"] for entity in found] == [
        "EvacuationSite",
        "EvacuationShelter",
        "EvacuationSite",
    ]
    assert value(found[0], "hazardTypes") == ["flood", "earthquake"]
    assert value(found[2], "alsoDesignatedShelter") is True
    assert next(iter(read.report.rejected)).row == 5
    assert "広場" in next(iter(read.report.rejected)).reason


def test_the_time_of_observation_may_stand_in_a_column_name():
    header = ["ID", "名称", "人数_令和6年1月9日午後6時時点", "所在地_連結表記"]
    row = ["NEW001", "寄合い処", "40", "石川県七尾市馬出町"]
    entity = entities(imported([header, row], "open_shelter_Nanao.csv"))[0]
    assert entity["type"] == "EvacuationShelter"
    assert entity["evacueeTotal"] == {
        "type": "Property",
        "value": 40,
        "observedAt": "2024-01-09T09:00:00Z",
    }
    assert entity["openingStatus"]["observedAt"] == "2024-01-09T09:00:00Z"


def test_or_in_a_column():
    header = ["ID", "名称", "人数", "時点", "所在地_連結表記"]
    row = ["1", "学校", "0", "令和6年1月11日午後6時", "石川県七尾市"]
    entity = entities(imported([header, row], "open_shelter_Nanao.csv"))[0]
    assert entity["evacueeTotal"]["value"] == 0
    assert entity["evacueeTotal"]["observedAt"] == "2024-01-11T09:00:00Z"


@pytest.mark.parametrize(
    ("word", "status"),
    [("開設", "open"), ("閉鎖", "closed"), ("未開設", "closed"), ("満員", "full"), ("", None)],
)
def test_a_shelter_is_open_only_where_the_column_says_so(word, status):
    header = ["日付", "避難所名", "開設状況", "避難世帯数", "避難人数", "所在地"]
    row = ["2024-08-31 09:59:00", "研修センター", word, "0", "0", "静岡県焼津市本町1"]
    entity = entities(imported([header, row], "data.csv"))[0]
    assert value(entity, "openingStatus") == status if status else "openingStatus" not in entity
    assert entity["evacueeTotal"]["observedAt"] == "2024-08-31T00:59:00Z"


def test_a_register_of_shelters_that_says_which_are_open_is_their_status():
    header = ["避難所名", "開設状況", "所在地", "緯度", "経度"]
    row = ["中央小学校", "閉鎖", "静岡県焼津市本町1", "34.866918", "138.323171"]
    entity = entities(imported([header, row], "222127_避難所.csv"))[0]
    assert (entity["type"], value(entity, "openingStatus")) == ("EvacuationShelter", "closed")


def test_a_list_of_open_shelters_need_not_say_that_they_are():
    header = ["避難所名", "避難世帯数", "避難人数", "所在地"]
    row = ["中央小学校", "1", "2", "静岡県焼津市本町1"]
    assert value(entities(imported([header, row]))[0], "openingStatus") == "open"


def test_a_list_of_data_sets_in_the_standard_layout():
    header = [
        "データセット_ID", "全国地方公共団体コード", "地方公共団体名", "データセット_タイトル",
        "データセット_概要", "データセット_分類", "データセット_公開日", "データセット_最終更新日",
        "データセット_URL", "ファイル_タイトル", "ファイル_ダウンロードURL", "ファイル形式",
        "ファイル_ライセンス",
    ]  # fmt: skip
    url = "https://opendata.example.jp"
    head = ["", "222127", "焼津市", "AED一覧", "設置箇所", "安全", "2024/1/19", "2024/1/20", url]
    rows = [[*head, "a.csv", f"{url}/a.csv", "csv", "CC BY 4.0"],
            [*head, "a.xlsx", f"{url}/a.xlsx", "xlsx", "CC BY 4.0"]]  # fmt: skip
    found = entities(imported([header, *rows], "222127_open_data_list.csv"))
    assert [value(one, "fileTitle") for one in found] == ["a.csv", "a.xlsx"]
    assert {value(one, "openDataTitle") for one in found} == {"AED一覧"}
    assert value(found[0], "downloadUrl") == f"{url}/a.csv"
    assert value(found[0], "license") == "CC BY 4.0"
    assert value(found[0], "lastUpdateDate")["@value"] == "2024-01-20"


def test_a_list_of_school_districts_in_the_standard_layout():
    header = [
        "学校ID", "学校コード", "学校所在地_都道府県名", "学校所在地_市区町村名",
        "学校所在地_全国地方公共団体コード", "学校名称", "行政サービス拠点種別",
        "通学区域_登録年月日", "通学区域の住所", "特記事項",
    ]  # fmt: skip
    row = ["", "B122221200001", "静岡県", "焼津市", "222127", "中央小学校", "1503", "2024-04-01",
           "本町一丁目の全部の区域", ""]  # fmt: skip
    (entity,) = entities(imported([header, row], "222127_school_district.csv"))
    assert entity["id"] == "urn:ngsi-ld:SchoolDistrict:222127-B122221200001"
    assert value(entity, "districtAddresses") == "本町一丁目の全部の区域"


def test_positions_named_by_their_datum_and_form_are_positions():
    header = ["OBJECTID", "投票区番号", "投票所名", "住所", "世界_10進_X", "世界_10進_Y"]
    row = ["1", "第1投票区", "公民館", "静岡県焼津市本町1", "138.323171", "34.866918"]
    (entity,) = entities(imported([header, row], "222127_polling_place.csv"))
    assert value(entity, "location")["coordinates"] == [138.323171, 34.866918]


POPULATION = [
    "都道府県コード又は市区町村コード",
    "地域コード",
    "調査年月日",
    "地域名",
    "総人口",
    "男性",
    "世帯数",
]


def test_editions_of_population_are_observations_of_one_entity():
    april = entities(
        imported([POPULATION, ["37201", "", "2021-04-01", "塩屋町", "213", "95", "-"]])
    )[0]
    may = entities(imported([POPULATION, ["37201", "", "2021-05-01", "塩屋町", "216", "98", "-"]]))[
        0
    ]
    assert april["id"] == may["id"]
    assert april["totalPopulation"]["observedAt"] == "2021-03-31T15:00:00Z"
    assert may["totalPopulation"] == {
        "type": "Property",
        "value": 216,
        "observedAt": "2021-04-30T15:00:00Z",
    }
    assert "numberOfHousehold" not in may


def test_several_editions_in_one_file_come_in_the_order_of_time():
    rows = [
        ["372013", "", day, "塩屋町", "1", "1", "1"]
        for day in ("2021-05-01", "2021-03-01", "2021-04-01")
    ]
    read = imported([POPULATION, *rows])
    assert [mapped.observed_at[:7] for mapped in read.mapped.entities] == [
        "2021-02",
        "2021-03",
        "2021-04",
    ]


def test_words_instead_of_a_date_become_a_note():
    header = ["イベント名", "開始日", "終了日", "場所名称"]
    read = imported([header, ["相談", "2020-03-03", "当面の間", "区役所"]])
    entity = entities(read)[0]
    assert value(entity, "startDate") == {"@type": "Date", "@value": "2020-03-03"}
    assert "endDate" not in entity
    assert value(entity, "endDateNote") == "当面の間"


def test_an_era_date_is_kept_beside_the_parsed_one():
    header = ["名称", "文化財分類", "文化財指定日", "住所"]
    entity = entities(imported([header, ["本堂", "国指定", "昭和63年4月1日", "高松市"]]))[0]
    assert value(entity, "designatedDate")["@value"] == "1988-04-01"
    assert entity["designatedDate"]["asPublished"]["value"] == "昭和63年4月1日"


def test_24_00_stays():
    header = ["名称", "男性トイレ総数", "女性トイレ総数", "利用開始時間", "利用終了時間"]
    entity = entities(imported([header, ["公園", "1", "1", "00:00", "24:00"]]))[0]
    assert value(entity, "endTime") == "24:00"
    assert value(entity, "openingHoursSpecification") == [{"opens": "00:00", "closes": "24:00"}]


def test_weekdays_and_times_make_opening_hours():
    header = [*AED, "利用可能曜日", "開始時間", "終了時間"]
    entity = entities(imported([header, [*aed("1"), "月～金", "9:00", "17:15"]]))[0]
    (hours,) = value(entity, "openingHoursSpecification")
    assert hours["opens"] == "09:00"
    assert len(hours["dayOfWeek"]) == 5
    assert value(entity, "serviceDay") == "月～金"


def test_rows_of_a_menu_become_one_entity():
    header = ["#property", "lunchDay", "menuName", "foodName", "quantity"]
    rows = [["1", "4/7/2021", "カレー　", "米", "55"], ["2", "4/7/2021", "カレー", "肉", "12"],
            ["3", "4/13/2021", "カレー", "米", "55"]]  # fmt: skip
    read = imported([header, *rows])
    found = entities(read)
    assert len(found) == 2
    assert value(found[0], "items") == [
        {"name": "米", "quantity": "55"},
        {"name": "肉", "quantity": "12"},
    ]
    assert value(found[1], "menuDate")["@value"] == "2021-04-13"
    assert [mapped.rows for mapped in read.mapped.entities] == [[2, 3], [4]]


def test_columns_of_pictures_are_one_array():
    header = ["ID", "登録施設名", "住所", "提供内容", "写真1", "写真2", "写真3"]
    entity = entities(
        imported(
            [
                header,
                [
                    "1",
                    "市役所",
                    "焼津市",
                    "授乳・おむつ替え",
                    "https://a.jp/1",
                    "",
                    "https://a.jp/3",
                ],
            ]
        )
    )[0]
    assert value(entity, "pictureUrl") == ["https://a.jp/1", "https://a.jp/3"]
    assert value(entity, "providedFacilities") == ["授乳", "おむつ替え"]


def test_waste_classes_are_data():
    header = ["地名", "センター", "燃えるごみ", "びん・缶"]
    entity = entities(imported([header, ["緑が丘", "", "月 木", "水2 水4"]]))[0]
    rules = value(entity, "collectionRules")
    assert [rule["wasteClass"] for rule in rules] == ["燃えるごみ", "びん・缶"]
    assert rules[1]["schedule"] == [{"dayOfWeek": "Wednesday", "weekOfMonth": [2, 4]}]


def test_unknown_columns_are_kept_as_they_are():
    header = [*AED, "最終点検者", "#コメント"]
    entity = entities(imported([header, [*aed("1"), "田中", "よし"]]))[0]
    assert entity["otherColumns"] == {
        "type": "JsonProperty",
        "json": {"最終点検者": "田中", "#コメント": "よし"},
    }


def test_capacity_as_a_sentence():
    header = [*HAZARDS, "想定収容人数"]
    row = ["1", "学校", "焼津市", "1", "", "", "屋内480人／屋外3,350人(面積の1/2)"]
    entity = entities(imported([header, row]))[0]
    assert value(entity, "maxCapacityIndoor") == 480
    assert value(entity, "maxCapacityOutdoor") == 3350
    assert "屋外" in value(entity, "maxCapacityNote")


def test_a_lost_zero_is_restored_and_told():
    read = imported(
        [AED, aed("1", code="92011", address="栃木県宇都宮市旭", north="36.55", east="139.88")]
    )
    assert value(entities(read)[0], "localGovernmentCode") == "092011"
    assert any("092011" in finding.reason for finding in read.report.repairs)


def test_a_wrong_code_is_rejected_but_not_its_row():
    read = imported([AED, aed("1", code="222120")])
    entity = entities(read)[0]
    assert value(entity, "localGovernmentCode") == "222127"
    assert value(entity, "localGovernmentCodeNote") == "222120"


def test_licence_and_attribution_travel_with_the_entities():
    entity = entities(imported([AED, aed("1")], license="CC BY 4.0", attribution="焼津市"))[0]
    assert value(entity, "license") == "CC BY 4.0"
    assert value(entity, "dataProvider") == "焼津市"


def test_the_same_table_in_cp932_and_tabs_gives_the_same_entities():
    rows = [AED, aed("1"), aed("2", "図書館")]
    tsv = "\r\n".join("\t".join(row) for row in rows).encode("cp932")
    assert entities(imported_bytes(tsv, "222127_aed.tsv")) == entities(imported(rows))


def test_what_is_said_of_a_cell_is_said_of_every_row_that_has_it():
    cells = ["有", "☆", "有", "☆"]
    rows = [aed(str(number), flag=flag) for number, flag in enumerate(cells)]
    read = imported([AED, *rows])
    assert [warning.row for warning in read.report.warnings] == [3, 5]
    assert ["pediatricSupportNote" in one for one in entities(read)] == [False, True] * 2
    alone = [entities(imported([AED, row]))[0] for row in rows]
    assert entities(read) == alone


def test_a_column_of_many_different_cells_is_read_like_one_of_few():
    rows = [aed(str(number), name=f"施設{number % 1500}") for number in range(3000)]
    names = [value(one, "name") for one in entities(imported([AED, *rows]))]
    assert names == [row[2] for row in rows]
