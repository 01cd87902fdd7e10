"""Tables cities lay out themselves: columns no standard names, told by the name of the file."""

import pytest

from tests.unit.adapters.csv.tables import entities, imported

PLACE = {"住所": "焼津市本町1", "緯度（北緯）": "34.86", "経度（東経）": "138.32"}


@pytest.mark.parametrize(
    ("name", "cells", "entity_type", "expected"),
    [
        (
            "AED設置施設一覧.csv",
            {
                "施設名": "市役所",
                "設置場所": "1階",
                "利用可能時間": "8:30～17:15",
                "小児用パッド": "○",
            },
            "Defibrillator",
            {"name": "市役所", "dateTimeRemarks": "8:30～17:15", "pediatricSupport": True},
        ),
        (
            "公衆トイレ.csv",
            {"公園名": "中央公園", "多目的トイレ": "有", "オストメイト": "無"},
            "PublicToilet",
            {"name": "中央公園", "multipurposeToilet": True, "toiletForOstomates": False},
        ),
        (
            "医療機関一覧.csv",
            {"医療機関名": "山田医院", "診療科目": "内科・小児科", "休診日": "木・日・祝"},
            "MedicalFacility",
            {"name": "山田医院", "closedDays": "木・日・祝"},
        ),
        (
            "保育所一覧.csv",
            {"保育園名": "さくら保育園", "種別": "認可保育所", "定員": "90", "一時保育": "有"},
            "ChildcareFacility",
            {"name": "さくら保育園", "maxCapacity": 90, "temporaryChildCare": True},
        ),
        (
            "消防水利.csv",
            {"種類": "地上式消火栓", "口径": "150"},
            "FireWaterSource",
            {"waterSourceType": "地上式消火栓", "hydrantDiameter": 150},
        ),
        (
            "文化財.csv",
            {"文化財名称": "花沢城跡", "種別": "史跡", "指定年月日": "昭和52年3月18日"},
            "CulturalProperty",
            {"name": "花沢城跡", "culturalPropertyType": "史跡"},
        ),
        (
            "イベント.csv",
            {"イベント名": "夏祭り", "開催日時": "7月20日 10時～16時", "会場": "中央公園"},
            "Event",
            {"name": "夏祭り", "startDateTimeRemarks": "7月20日 10時～16時"},
        ),
    ],
)
def test_tables_of_cities(name, cells, entity_type, expected):
    whole = {**cells, **PLACE}
    (found,) = entities(imported([list(whole), list(whole.values())], f"222127_{name}"))
    assert found["type"] == entity_type
    assert found["location"]["value"]["coordinates"] == [138.32, 34.86]
    assert {one: found[one]["value"] for one in expected} == expected


HAZARDS = ["洪水", "土砂災害", "地震", "津波", "大規模火災"]
MARKS = ["○", "×", "○", "△", "○"]


@pytest.mark.parametrize(
    ("name", "column", "entity_type"),
    [
        ("指定避難所一覧.csv", "避難所名", "EvacuationShelter"),
        ("指定避難所一覧.csv", "施設名", "EvacuationShelter"),
        ("指定緊急避難場所一覧.csv", "施設名", "EvacuationSite"),
        ("x.csv", "施設名", "EvacuationSite"),
    ],
)
def test_hazards_under_a_heading_of_their_own(name, column, entity_type):
    header = [column, "住所", *(f"対象災害_{one}" for one in HAZARDS)]
    read = imported([header, ["本町小学校", "焼津市本町1-1", *MARKS]], f"222127_{name}")
    (found,) = entities(read)
    assert found["type"] == entity_type
    assert found["hazardTypes"]["value"] == ["flood", "earthquake", "greatFire"]
    assert found["hazardTypesUnclear"]["value"] == ["tsunami"]


@pytest.mark.parametrize("heading", ["浸水想定", "警戒区域", "浸水対象区域", "災害リスク"])
def test_a_heading_that_may_mean_dangers_marks_no_safety(heading):
    header = ["避難所名", "住所", "電話番号", *(f"{heading}_{one}" for one in HAZARDS)]
    row = ["本町小学校", "焼津市本町1-1", "054-626-0000", *MARKS]
    (found,) = entities(imported([header, row], "222127_避難所.csv"))
    assert "hazardTypes" not in found
    assert found["otherColumns"]["json"][f"{heading}_洪水"] == "○"
