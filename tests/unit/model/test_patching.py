import pytest

from broker.model.changes import AttributeChange, Transition
from broker.model.entity import Entity
from broker.model.errors import (
    AlreadyExists,
    AttributeNotFound,
    BadRequestData,
    EntityNotFound,
)
from broker.model.fragment import Fragment, deletion
from broker.model.outcomes import NotUpdated, UpdateResult, UpsertResult
from broker.model.patching import (
    append_attributes,
    create_entity,
    delete_attribute,
    delete_entity,
    delete_scope,
    expire_entity,
    merge_entity,
    only_where,
    partial_update_attribute,
    purge_attributes,
    replace_attribute,
    replace_entity,
    update_attributes,
    upsert_entity,
)
from broker.representations.reading import (
    read_attribute_fragment,
    read_entity,
)
from tests.rooms import ID, NULL, T0, T1, TEMPERATURE, V, said

# ------------------------------------------------------------------------ create, delete, replace


def test_a_creation_sets_times_on_every_level(terms):
    body = {"id": ID, "type": "Room", "scope": "/a", "t": {"value": 1, "sub": {"value": 2}}}
    transition = create_entity(read_entity(body, terms))(None, T0)
    entity, change = transition.entity, transition.change
    times = {"createdAt": T0, "modifiedAt": T0}
    sub = {"type": "Property", "value": 2, **times}
    instance = {"type": "Property", "value": 1, f"{V}sub": [sub], **times}
    assert entity == Entity(ID, (f"{V}Room",), {f"{V}t": [instance]}, ("/a",), T0, T0, None, 1)
    assert change is not None
    assert (change.kind, change.version, change.at, change.types) == (
        "entityCreated",
        1,
        T0,
        (f"{V}Room",),
    )
    assert change.attributes == {f"{V}t": AttributeChange([], [instance])}
    assert (change.scopes_before, change.scopes) == ((), ("/a",))


def test_entities_created_with_the_same_text_change_by_themselves(room, fragment):
    one, other = room(name="Room", t="Room"), room(name="Room")
    before = repr(other)
    for write in (
        update_attributes(ID, fragment("update", name={"value": "Hall"})),
        merge_entity(ID, fragment("merge", name={"value": "Hall", "unitCode": "X"})),
        delete_attribute(ID, f"{V}name"),
    ):
        assert write(one, T1).change.attributes.keys() == {f"{V}name"}
    assert repr(other) == before
    assert one.attributes[f"{V}t"] == other.attributes[f"{V}name"]


def test_an_entity_is_created_once(room):
    with pytest.raises(AlreadyExists, match=ID):
        create_entity(room())(room(), T1)


def test_an_expired_entity_can_be_created_again(room):
    old = room(expiresAt="2026-01-01T00:00:00.5Z", t=1)
    with pytest.raises(AlreadyExists):
        create_entity(room())(old, T0)
    transition = create_entity(room(u=2))(old, T1)
    assert transition.entity is not None
    assert (transition.entity.version, transition.entity.created_at) == (2, T1)
    assert said(transition.entity) == {"u": {"type": "Property", "value": 2}}
    assert transition.change is not None
    assert transition.change.kind == "entityCreated"
    assert upsert_entity(room(u=2), "update")(old, T1).change == transition.change


def test_a_deletion_records_what_was_there(room):
    entity = room(t=1, scope="/a")
    change = delete_entity(ID)(entity, T1).change
    assert change is not None
    assert (change.kind, change.version, change.at) == ("entityDeleted", 2, T1)
    assert change.attributes == {f"{V}t": AttributeChange(entity.attributes[f"{V}t"], [])}
    assert (change.scopes_before, change.scopes) == (("/a",), ())


def test_a_replacement_keeps_the_time_of_creation_and_nothing_else(room, terms):
    old = room(t=1, u=2, scope="/a", expiresAt="2999-01-01T00:00:00Z")
    new = read_entity({"id": ID, "type": "Hall", "t": {"object": "urn:a:1"}}, terms)
    transition = replace_entity(new)(old, T1)
    entity, change = transition.entity, transition.change
    assert said(entity) == {"t": {"type": "Relationship", "object": "urn:a:1"}}
    assert (entity.types, entity.scopes, entity.expires_at) == ((f"{V}Hall",), (), None)
    assert (entity.created_at, entity.modified_at, entity.version) == (T0, T1, 2)
    assert (change.types_before, change.types) == ((f"{V}Room",), (f"{V}Hall",))
    assert (change.scopes_before, change.scopes) == (("/a",), ())
    assert change.attributes[f"{V}u"].after == []
    assert change.attributes[f"{V}t"].before == old.attributes[f"{V}t"]


def test_an_upsert_creates_replaces_or_updates(room):
    new = room(t=1)
    assert upsert_entity(new, "replace")(None, T0).outcome == UpsertResult(created=True)
    replaced = upsert_entity(room(u=2), "replace")(new, T1)
    assert replaced.outcome == UpsertResult(created=False)
    assert set(said(replaced.entity)) == {"u"}
    updated = upsert_entity(room(u=2), "update")(new, T1)
    assert updated.outcome == UpsertResult(created=False)
    assert set(said(updated.entity)) == {"t", "u"}


EVERY_OPERATION_ON_EXISTING = [
    replace_entity(Entity(ID, ("x:T",))),
    append_attributes(ID, Fragment()),
    update_attributes(ID, Fragment()),
    merge_entity(ID, Fragment()),
    partial_update_attribute(ID, f"{V}t", [{"value": 1}]),
    replace_attribute(ID, f"{V}t", [{"type": "Property", "value": 1}]),
    delete_attribute(ID, f"{V}t"),
    delete_scope(ID),
    purge_attributes(ID, drop=["x:t"]),
    delete_entity(ID),
]


@pytest.mark.parametrize("operation", EVERY_OPERATION_ON_EXISTING)
def test_what_does_not_exist_or_has_expired_is_not_found(operation, room):
    with pytest.raises(EntityNotFound, match=ID):
        operation(None, T1)
    with pytest.raises(EntityNotFound, match=ID):
        operation(room(t=1, scope="/a", expiresAt=T1), T1)


# -------------------------------------------------------------------------- append and update


def test_an_append_overwrites_and_keeps_the_time_of_creation(room, fragment):
    old = room(t={"value": 1, "a": 1}, scope="/a")
    new = fragment("append", t={"value": 2, "a": 2, "b": 3}, u=5, type="Hall", scope="/b")
    transition = append_attributes(ID, new)(old, T1)
    entity = transition.entity
    assert transition.outcome == UpdateResult((f"{V}t", f"{V}u"))
    assert entity.types == (f"{V}Room", f"{V}Hall")
    assert entity.scopes == ("/b",)
    (t,) = entity.attributes[f"{V}t"]
    assert (t["value"], t["createdAt"], t["modifiedAt"]) == (2, T0, T1)
    assert [t[f"{V}{name}"][0]["createdAt"] for name in ("a", "b")] == [T0, T1]


def test_an_append_that_may_not_overwrite_says_what_it_left(room, fragment):
    old = room(t=1, scope="/a", expiresAt="2999-01-01T00:00:00Z")
    new = fragment(
        "append",
        t=[{"value": 2}, {"value": 3, "datasetId": "urn:d:1"}],
        u=4,
        scope=["/b", "/a"],
        expiresAt="2998-01-01T00:00:00Z",
    )
    transition = append_attributes(ID, new, overwrite=False)(old, T1)
    reason = "it exists already and overwriting was not allowed"
    assert transition.outcome == UpdateResult((f"{V}t", f"{V}u"), (NotUpdated(f"{V}t", reason),))
    entity = transition.entity
    assert [t["value"] for t in entity.attributes[f"{V}t"]] == [1, 3]
    assert entity.scopes == ("/a", "/b")
    assert entity.expires_at == "2999-01-01T00:00:00Z"


def test_an_append_that_changes_nothing_writes_nothing(room, fragment):
    old = room(t=1)
    transition = append_attributes(ID, fragment("append", t=2), overwrite=False)(old, T1)
    assert (transition.entity, transition.change) == (old, None)
    assert append_attributes(ID, Fragment())(old, T1) == Transition(old, None, UpdateResult())


def test_an_update_replaces_whole_attributes(room, fragment):
    """The second example of clause 5.5.8: unitCode goes."""
    new = {"type": "Property", "value": 100, "observedAt": "2022-03-14T13:00:00.000Z"}
    old = room(temperature=TEMPERATURE, other=1)
    transition = update_attributes(ID, fragment("update", temperature=new))(old, T1)
    assert said(transition.entity)["temperature"] == new
    assert transition.outcome == UpdateResult((f"{V}temperature",))
    assert list(transition.change.attributes) == [f"{V}temperature"]


def test_an_update_deletes_by_null(room, fragment):
    """The third example of clause 5.5.8."""
    old = room(temperature=TEMPERATURE, other=1)
    gone = fragment("update", temperature={"type": "Property", "value": NULL}, never=NULL)
    transition = update_attributes(ID, gone)(old, T1)
    assert set(said(transition.entity)) == {"other"}
    assert transition.outcome == UpdateResult((f"{V}temperature",))


def test_nulls_inside_a_replaced_attribute_have_nothing_to_delete(room, fragment):
    old = room(t={"value": 1, "unitCode": "CEL", "sub": 1})
    new = fragment("update", t={"value": 2, "unitCode": NULL, "sub": NULL, "u": NULL})
    assert said(update_attributes(ID, new)(old, T1).entity) == {
        "t": {"type": "Property", "value": 2}
    }


def test_an_update_replaces_only_a_scope_that_is_there(room, fragment):
    new = fragment("update", scope="/b")
    assert update_attributes(ID, new)(room(scope="/a"), T1).entity.scopes == ("/b",)
    assert update_attributes(ID, new)(room(), T1).change is None
    gone = fragment("update", scope=NULL)
    assert update_attributes(ID, gone)(room(scope="/a"), T1).entity.scopes == ()


def test_datasets_do_not_touch_each_other(room, fragment):
    old = room(t=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}])
    new = fragment(
        "update", t=[{"value": 3, "datasetId": "urn:d:1"}, {"value": 4, "datasetId": "urn:d:2"}]
    )
    entity = update_attributes(ID, new)(old, T1).entity
    assert [t["value"] for t in entity.attributes[f"{V}t"]] == [1, 3, 4]
    assert [t["modifiedAt"] for t in entity.attributes[f"{V}t"]] == [T0, T1, T1]
    assert entity.attributes[f"{V}t"][0] is old.attributes[f"{V}t"][0]


# ------------------------------------------------------------------------ one attribute


def test_a_partial_update_overwrites_members(room, terms):
    """The first example of clause 5.5.8: unitCode stays."""
    body = {"type": "Property", "value": 100, "observedAt": "2022-03-14T13:00:00.000Z"}
    patch = read_attribute_fragment(body, terms, "partial", name="temperature")
    old = room(temperature=TEMPERATURE)
    transition = partial_update_attribute(ID, f"{V}temperature", patch)(old, T1)
    assert said(transition.entity)["temperature"] == {**body, "unitCode": "CEL"}
    (changed,) = transition.change.attributes.values()
    assert changed.before == old.attributes[f"{V}temperature"]
    assert changed.after == transition.entity.attributes[f"{V}temperature"]


def test_a_partial_update_works_on_sub_attributes_by_dataset(room, terms):
    old = room(t={"value": 1, "a": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}], "b": 3})
    body = {"a": {"value": 5, "datasetId": "urn:d:1"}, "b": NULL, "c": {"object": "urn:a:1"}}
    patch = read_attribute_fragment(body, terms, "partial", name="t")
    entity = partial_update_attribute(ID, f"{V}t", patch)(old, T1).entity
    assert said(entity)["t"] == {
        "type": "Property",
        "value": 1,
        "a": [
            {"type": "Property", "value": 1},
            {"type": "Property", "value": 5, "datasetId": "urn:d:1"},
        ],
        "c": {"type": "Relationship", "object": "urn:a:1"},
    }


def test_a_partial_update_deletes_by_null(room, terms):
    old = room(t=[{"value": 1, "unitCode": "CEL"}, {"value": 2, "datasetId": "urn:d:1"}])
    name = f"{V}t"
    gone = read_attribute_fragment({"unitCode": NULL}, terms, "partial", name="t")
    entity = partial_update_attribute(ID, name, gone)(old, T1).entity
    assert said(entity)["t"][0] == {"type": "Property", "value": 1}
    entity = partial_update_attribute(ID, name, [deletion("urn:d:1")])(old, T1).entity
    assert entity.attributes[name] == old.attributes[name][:1]
    never = read_attribute_fragment({"never": NULL}, terms, "partial", name="t")
    assert said(partial_update_attribute(ID, name, never)(old, T1).entity) == said(old)


@pytest.mark.parametrize(
    ("attribute", "patch", "word"),
    [
        (1, {"type": "Relationship", "object": "urn:a:1"}, "cannot become"),
        ({"object": "urn:a:1"}, {"value": 5}, "'object'"),
        ({"object": "urn:a:1"}, {"unitCode": "CEL"}, "unitCode"),
        ({"value": {"type": "Point", "coordinates": [1, 2]}}, {"value": 5}, "geometry"),
        (1, {"sub": {"unitCode": "CEL"}}, "no value"),
    ],
)
def test_a_partial_update_has_to_fit_the_attribute(room, terms, attribute, patch, word):
    instances = read_attribute_fragment(patch, terms, "partial", name="t")
    with pytest.raises(BadRequestData, match=word):
        partial_update_attribute(ID, f"{V}t", instances)(room(t=attribute), T1)


def test_a_partial_update_of_a_geometry(room, terms):
    body = {"value": '{"type": "Point", "coordinates": [3, 4]}'}
    patch = read_attribute_fragment(body, terms, "partial", name="t")
    old = room(t={"type": "Point", "coordinates": [1, 2]})
    entity = partial_update_attribute(ID, f"{V}t", patch)(old, T1).entity
    assert said(entity)["t"]["value"] == {"type": "Point", "coordinates": [3, 4]}


def test_an_attribute_is_replaced_with_another_type(room):
    old = room(t={"value": 1, "unitCode": "CEL"})
    new = {"type": "Relationship", "object": "urn:a:1"}
    entity = replace_attribute(ID, f"{V}t", [new])(old, T1).entity
    assert entity.attributes[f"{V}t"] == [{**new, "createdAt": T0, "modifiedAt": T1}]


@pytest.mark.parametrize(
    "operation",
    [
        partial_update_attribute(ID, f"{V}t", [{"value": 1, "datasetId": "urn:d:9"}]),
        partial_update_attribute(ID, f"{V}u", [{"value": 1}]),
        replace_attribute(ID, f"{V}t", [{"type": "Property", "value": 1, "datasetId": "urn:d:9"}]),
        replace_attribute(ID, f"{V}u", [{"type": "Property", "value": 1}]),
        delete_attribute(ID, f"{V}u"),
        delete_attribute(ID, f"{V}u", delete_all=True),
        delete_attribute(ID, f"{V}t", dataset_id="urn:d:9"),
        delete_scope(ID),
    ],
)
def test_an_instance_that_is_not_there_is_not_found(room, operation):
    with pytest.raises(AttributeNotFound):
        operation(room(t=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]), T1)


def test_the_default_instance_may_be_the_one_missing(room):
    only = room(t={"value": 2, "datasetId": "urn:d:1"})
    with pytest.raises(AttributeNotFound):
        delete_attribute(ID, f"{V}t")(only, T1)


def test_deleting_one_instance_or_all(room):
    old = room(t=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}], scope="/a")
    assert said(delete_attribute(ID, f"{V}t", dataset_id="urn:d:1")(old, T1).entity)["t"] == {
        "type": "Property",
        "value": 1,
    }
    transition = delete_attribute(ID, f"{V}t", delete_all=True)(old, T1)
    assert transition.entity.attributes == {}
    assert transition.change.attributes[f"{V}t"].before == old.attributes[f"{V}t"]
    assert delete_scope(ID)(old, T1).entity.scopes == ()


# -------------------------------------------------------------------------- transience, selection


def test_what_has_expired_is_gone_at_the_next_write(room, fragment):
    old = room(
        t=[{"value": 1, "expiresAt": T1}, {"value": 2, "datasetId": "urn:d:1"}],
        u={"value": 3, "expiresAt": T0},
    )
    transition = update_attributes(ID, fragment("update", v=4))(old, T1)
    assert said(transition.entity) == {
        "t": {"type": "Property", "value": 2, "datasetId": "urn:d:1"},
        "v": {"type": "Property", "value": 4},
    }
    assert {name: len(c.before) for name, c in transition.change.attributes.items()} == {
        f"{V}t": 1,
        f"{V}u": 1,
        f"{V}v": 0,
    }
    with pytest.raises(AttributeNotFound):
        delete_attribute(ID, f"{V}u")(old, T1)


def test_expiry_removes_what_is_due(room):
    assert expire_entity()(None, T1) == Transition(None, None)
    gone = expire_entity()(room(expiresAt=T1), T1)
    assert gone.entity is None
    assert gone.change.kind == "entityDeleted"
    less = expire_entity()(room(t={"value": 1, "expiresAt": T1}, u=2), T1)
    assert set(said(less.entity)) == {"u"}
    assert less.change.kind == "entityUpdated"


def test_expiry_can_be_set_and_taken_away(room, fragment):
    soon = merge_entity(ID, fragment("merge", expiresAt=T1))(room(t=1), T0)
    assert soon.entity.expires_at == T1
    assert soon.change.attributes == {}
    assert soon.change.expires_at == T1
    never = merge_entity(ID, fragment("merge", expiresAt=NULL))(soon.entity, T0)
    assert never.entity.expires_at is None


def test_a_type_selection_that_does_not_fit_finds_nothing(room):
    operation = only_where(delete_entity(ID), ID, lambda entity: "x:Hall" in entity.types)
    with pytest.raises(EntityNotFound):
        operation(room(), T1)
    with pytest.raises(EntityNotFound):
        operation(None, T1)
    assert only_where(delete_entity(ID), ID, lambda _: True)(room(), T1).entity is None


def test_purging_needs_no_attribute_to_be_there(room):
    old = room(t=1)
    assert purge_attributes(ID, drop=[f"{V}u", "scope"])(old, T1).change is None
    assert said(purge_attributes(ID, keep=[f"{V}u"])(old, T1).entity) == {}
