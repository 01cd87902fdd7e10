"""Ids: stated, derived, stable; a row number is none."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.csv.identity import RowKeys, file_scope, name_row, stable_identifier
from adapters.csv.row_store import RowStore, StoredRow
from tests.unit.adapters.csv.tables import AED, aed, entities, imported


def ids(rows, **options):
    return [entity["id"] for entity in entities(imported([AED, *rows], **options))]


def name_rows(keys):
    store = RowStore()
    for place, one in enumerate(keys):
        store.add(StoredRow(place, place + 2, "Place", "222127", one, ""), {})
    for place in store.places_to_be_keyed():
        store.set_keys(place, keys[place])
    store.find_repeated()
    return [name_row(row.keys, repeated=row.is_repeated) for row in store.rows()]


def test_a_stated_id_names_the_row():
    assert ids([aed("1"), aed("A-2", "図書館")]) == [
        "urn:ngsi-ld:Defibrillator:222127-1",
        "urn:ngsi-ld:Defibrillator:222127-A-2",
    ]


def test_padding_does_not_change_an_id():
    assert ids([aed("0000000001")]) == ids([aed("1")]) == ids([aed("１")])


def test_without_an_id_the_content_names_the_row_wherever_it_stands():
    first = ids([aed("", "市役所"), aed("", "図書館")])
    second = ids([aed("", "図書館"), aed("", "新施設"), aed("", "市役所")])
    assert first[0] == second[2]
    assert first[1] == second[0]
    assert len(set(second)) == 3


def test_spelling_does_not_change_a_derived_id():
    one = ids([aed("", "市役所１階", address="焼津市本町2－16－32")])
    other = ids([aed("", " 市役所1階　", address="焼津市本町2-16-32")])
    assert one == other


def test_several_devices_at_one_place_are_several_entities():
    assert len(set(ids([aed("", place="1階"), aed("", place="2階")]))) == 2


def test_a_repeated_id_does_not_merge_different_things():
    read = imported([AED, aed("1", "市役所"), aed("1", "図書館"), aed("2", "公園")])
    found = [entity["id"] for entity in entities(read)]
    assert len(set(found)) == 3
    assert found[2] == "urn:ngsi-ld:Defibrillator:222127-2"


def test_a_file_of_several_towns_keeps_their_ids_apart():
    assert ids([aed("1"), aed("1", "図書館", code="372013", north="34.3", east="134.0")]) == [
        "urn:ngsi-ld:Defibrillator:222127-1",
        "urn:ngsi-ld:Defibrillator:372013-1",
    ]


def test_an_identical_row_is_rejected_as_a_repetition():
    read = imported([AED, aed("1"), aed("1"), aed("3", "公園"), aed("4", "駅")])
    assert [(finding.row, finding.reason) for finding in read.report.rejected] == [
        (3, "repeats row 2")
    ]


def test_a_row_without_anything_to_name_it_is_rejected():
    header = ["市区町村コード", "ID", "種別", "所在地_連結表記", "緯度", "経度", "口径"]
    row = ["222127", "", "", "", "", "", "65"]
    other = ["222127", "7", "消火栓", "焼津市", "34.8", "138.3", "65"]
    read = imported([header, row, other])
    assert len(read.report.rejected) == 1
    assert next(iter(read.report.rejected)).row == 2


def test_an_unknown_municipality_does_not_mix_towns():
    header = ["地名", "センター", "燃えるごみ"]
    one = entities(imported([header, ["中央", "", "月 木"]], "ikoma_area_days.csv"))
    other = entities(imported([header, ["中央", "", "火 金"]], "kamisunagawa_area_days.csv"))
    again = entities(imported([header, ["中央", "", "火 金"]], "kamisunagawa_area_days (1).csv"))
    assert one[0]["id"] != other[0]["id"] == again[0]["id"]


def test_the_option_names_the_municipality():
    header = ["地名", "センター", "燃えるごみ"]
    read = imported([header, ["中央", "", "月 木"]], "area_days.csv", municipality="292095")
    assert entities(read)[0]["id"].startswith("urn:ngsi-ld:WasteCollectionArea:292095-x")


def test_scopes_of_editions_are_equal():
    assert file_scope("shelter_2024-01-09-1800.csv") == file_scope("shelter_2024-01-11 (2).csv")


@given(st.text(max_size=20))
def test_stable_identifiers_fit_into_a_urn(text):
    assert all(c.isascii() and (c.isalnum() or c in "-._~%") for c in stable_identifier(text))


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "1", "2"]), st.sampled_from("abc"), st.sampled_from("xy")),
        max_size=8,
    )
)
def test_different_things_never_share_a_name(rows):
    keys = [RowKeys(stated, (key,), (more,)) for stated, key, more in rows]
    names = name_rows(keys)
    seen = {}
    for key, naming in zip(keys, names, strict=True):
        assert seen.setdefault(naming.local_id, key) == key


@given(st.permutations([RowKeys("", (c,), ()) for c in "abcd"]))
def test_names_do_not_depend_on_the_order(keys):
    names = {key.key: naming.local_id for key, naming in zip(keys, name_rows(keys), strict=True)}
    assert names == {key.key: name_rows([key])[0].local_id for key in keys}


def test_rows_that_only_unknown_columns_tell_apart_are_kept_and_told():
    rows = [
        [*AED, "階数", "通番#", "連番"],
        [*aed("", place=""), "1F", "x", "1"],
        [*aed("", place=""), "2F", "x", "2"],
    ]
    read = imported(rows)
    assert len({entity["id"] for entity in entities(read)}) == 2
    assert any("2 rows are told apart by other columns" in one for one in read.report.remarks)


def test_a_row_number_tells_nothing_apart():
    header = [*AED[:1], "ID", *AED[2:], "No."]
    read = imported([header, [*aed("", place=""), "1"], [*aed("", place=""), "2"], aed("", "駅")])
    assert len(entities(read)) == 2
    assert [finding.row for finding in read.report.rejected] == [3]
