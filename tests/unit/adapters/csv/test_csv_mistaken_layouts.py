"""Columns that data sets of quite different things share must not decide what a file is."""

import pytest

from tests.unit.adapters.csv.tables import entities, imported

ADDRESS = {"所在地": "静岡県焼津市本町1-1-1"}


def read(cells: dict[str, str], name: str = "222127_list.csv"):
    return imported([list(cells), list(cells.values())], name)


@pytest.mark.parametrize(
    "cells",
    [
        {"名称": "焼津クリニック", "電話番号": "054-620-0000", "指定年月日": "平成10年4月1日"},
        {"名称": "大楠", "樹種": "クスノキ", "樹高": "20", "指定年月日": "平成1年4月1日"},
        {
            "施設名称": "焼津ホテル",
            "営業の種類": "旅館・ホテル営業",
            "許可番号": "第1号",
            "許可年月日": "2018/6/15",
        },
        {"薬局名": "焼津薬局", "許可番号": "1", "許可年月日": "2020/4/1"},
        {"事業者名": "運送", "許可番号": "1", "許可年月日": "2020/4/1", "許可期限": "2025/3/31"},
        {"名称": "市民プール", "指定管理者": "会社", "開始日": "2020/4/1", "終了日": "2025/3/31"},
        {"名称": "心のクリニック", "カテゴリ": "精神科", "小児対応": "○", "診療内容": "投薬"},
        {"名称": "野球クラブ", "代表者": "焼津太郎", "人数": "30"},
        {"施設名": "市民プール", "人数": "10", "収容人数": "100", "更新日時": "2024/4/1 10:00"},
        {"公園名": "本町公園", "面積": "1234", "駐車台数": "10"},
        {"公園名": "中央公園", "面積": "1234", "多目的トイレ数": "1"},
        {"施設名": "市役所", "授乳室": "○", "おむつ替えコーナー": "○", "エレベーター": "○"},
    ],
    ids=lambda cells: next(iter(cells.values())),
)
def test_a_file_of_other_things_is_refused_rather_than_mistaken(cells: dict[str, str]) -> None:
    report = read({**cells, **ADDRESS}).report
    assert (report.outcome, report.layout) == ("refused", "")
    assert "--propose-mapping" in report.remedy


@pytest.mark.parametrize(
    ("cells", "entity_type"),
    [
        (
            {"名称": "仏像", "種別": "彫刻", "員数（数）": "1", "指定年月日": "S40.4.1"},
            "CulturalProperty",
        ),
        (
            {"名称": "仏像", "種別": "彫刻", "所有者": "寺", "指定年月日": "S40.4.1"},
            "CulturalProperty",
        ),
        (
            {"営業所屋号": "食堂", "業種": "飲食店営業", "許可番号": "1", "許可年月日": "2020/4/1"},
            "FoodBusiness",
        ),
        (
            {"施設名称": "食堂", "営業の種類": "飲食店営業", "許可満了日": "2026/3/31"},
            "FoodBusiness",
        ),
        ({"イベント名": "花火", "開始日": "2024/8/1", "終了日": "2024/8/1"}, "Event"),
        ({"施設名": "市役所", "設置場所": "1階", "小児対応": "○"}, "Defibrillator"),
        (
            {"避難所名": "焼津小", "避難者数": "20", "更新日時": "2024/4/1 10:00"},
            "EvacuationShelter",
        ),
        ({"施設名": "市役所", "授乳室の有無": "有", "おむつ替えの有無": "有"}, "BabyStation"),
        ({"名称": "駅前", "多機能トイレ数": "1", "オストメイト": "有"}, "PublicToilet"),
        ({"駐車場名": "駅前駐車場", "収容台数": "100", "料金": "30分100円"}, "OffStreetParking"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else value,
)
def test_what_only_one_data_set_has_still_decides(cells: dict[str, str], entity_type: str) -> None:
    (entity,) = entities(read({**cells, **ADDRESS}))
    assert entity["type"] == entity_type


def test_a_facility_with_a_nursing_room_is_a_facility() -> None:
    cells = {"名称": "市役所", "授乳室": "○", "おむつ替えコーナー": "○", "電話番号": "054-620-0000"}
    (entity,) = entities(read({**cells, **ADDRESS}, "222127_public_facility.csv"))
    assert entity["type"] == "PublicFacility"


POSTERS = {
    "投票区番号": "第1投票区",
    "投票所名": "中央公民館",
    "設置番号": "1",
    "設置場所名": "公民館前",
    "住所": "静岡県焼津市本町1-1-1",
}


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (POSTERS, "222127_list.csv"),
        ({"投票区": "1", "投票所": "公民館", "住所": "本町1"}, "ポスター掲示場一覧.csv"),
        ({"投票区": "1", "投票所": "公民館", "投票者数": "812"}, "222127_result.csv"),
    ],
)
def test_what_belongs_to_a_polling_place_is_none(cells: dict[str, str], name: str) -> None:
    report = imported([list(cells), list(cells.values())], name).report
    assert (report.outcome, report.layout) == ("refused", "")
