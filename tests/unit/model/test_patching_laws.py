"""Laws of the operations, on entities and fragments drawn at random."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import data as draws

from broker.model.changes import EntityOperation, Transition, apply_change, take_back
from broker.model.entity import NULL, Entity, instance_of
from broker.model.errors import BadRequestData
from broker.model.fragment import Fragment
from broker.model.merging import merged_value
from broker.model.patching import (
    append_attributes,
    create_entity,
    delete_attribute,
    delete_entity,
    expire_entity,
    merge_entity,
    purge_attributes,
    replace_attribute,
    replace_entity,
    update_attributes,
    upsert_entity,
)
from broker.representations.reading import read_entity, read_fragment
from tests.entities import entities, fragments, keys, scalars

T0 = "2026-01-01T00:00:00.000000Z"
T1 = "2026-01-01T00:00:01.000000Z"
T2 = "2026-01-01T00:00:02.000000Z"
ID = "urn:ngsi-ld:Building:1"


def created(body: dict[str, Any], terms) -> Entity:
    entity = create_entity(read_entity(body, terms))(None, T0).entity
    assert entity is not None
    return entity


def plain(entity: Entity | None) -> Any:
    """Return what an entity says, without versions, times of changes and order of arrival."""
    if entity is None:
        return None
    return (
        set(entity.types),
        set(entity.scopes),
        entity.expires_at,
        {name: _plain_instances(instances) for name, instances in entity.attributes.items()},
    )


def _plain_instances(instances: list[dict[str, Any]]) -> dict[str | None, Any]:
    return {
        instance.get("datasetId"): {
            member: _plain_instances(value) if ":" in member else value
            for member, value in instance.items()
            if member not in {"createdAt", "modifiedAt"}
        }
        for instance in instances
    }


def by_dataset(entity: Entity | None) -> Any:
    """Return an entity with its instances keyed, so that their order does not count."""
    if entity is None:
        return None
    keyed = {
        name: {instance.get("datasetId"): instance for instance in instances}
        for name, instances in entity.attributes.items()
    }
    return entity.evolve(attributes={}), keyed


FRAGMENT_OPERATIONS: dict[str, Callable[[Fragment], EntityOperation]] = {
    "append": lambda fragment: append_attributes(ID, fragment),
    "appendNoOverwrite": lambda fragment: append_attributes(ID, fragment, overwrite=False),
    "update": lambda fragment: update_attributes(ID, fragment),
    "merge": lambda fragment: merge_entity(ID, fragment),
}


def operation_of(kind: str, body: dict[str, Any], terms) -> EntityOperation:
    reading = "append" if kind.startswith("append") else "merge" if "merge" in kind else kind
    return FRAGMENT_OPERATIONS[kind](read_fragment(body, terms, reading))  # type: ignore[arg-type]


def draw_fragment(data: Any, kind: str) -> dict[str, Any]:
    return data.draw(fragments(nulls=not kind.startswith("append")))


def apply(operation: EntityOperation, entity: Entity | None, now: str) -> Transition:
    """Apply an operation; a fragment that does not fit the types of the entity is drawn anew."""
    try:
        return operation(entity, now)
    except BadRequestData:
        assume(False)
        raise


def check_record(before: Entity | None, transition: Transition) -> None:
    """The change leads from the entity before to the one after, and back."""
    change = transition.change
    if change is None:
        assert transition.entity == before
        return
    assert change.version == (before.version if before else 0) + 1
    assert by_dataset(apply_change(before, change)) == by_dataset(transition.entity)
    back = take_back(transition.entity, change)
    if before is not None and back is not None:
        assert set(back.scopes) == set(before.scopes)
        assert by_dataset(back)[1] == by_dataset(before)[1]
    else:
        assert back is before is None
    for name, changed in change.attributes.items():
        assert changed.before or changed.after, name


@pytest.mark.parametrize("kind", FRAGMENT_OPERATIONS)
@given(data=draws())
def test_a_change_records_exactly_what_happened(kind, data, terms):
    entity = created(data.draw(entities()), terms)
    body = draw_fragment(data, kind)
    transition = apply(operation_of(kind, body, terms), entity, T1)
    check_record(entity, transition)


@pytest.mark.parametrize("kind", FRAGMENT_OPERATIONS)
@given(data=draws())
def test_twice_is_once(kind, data, terms):
    entity = created(data.draw(entities()), terms)
    operation = operation_of(kind, draw_fragment(data, kind), terms)
    once = apply(operation, entity, T1).entity
    twice = apply(operation, once, T2).entity
    assert plain(twice) == plain(once)


@pytest.mark.parametrize("kind", FRAGMENT_OPERATIONS)
@given(data=draws())
def test_what_a_fragment_does_not_mention_stays_as_it_is(kind, data, terms):
    entity = created(data.draw(entities()), terms)
    body = draw_fragment(data, kind)
    fragment = read_fragment(body, terms, "merge")
    after = apply(operation_of(kind, body, terms), entity, T1).entity
    assert after is not None
    for name, instances in entity.attributes.items():
        mentioned = {patch.get("datasetId") for patch in fragment.attributes.get(name, ())}
        for instance in instances:
            if instance.get("datasetId") not in mentioned:
                assert instance in after.attributes[name]
    assert set(entity.types) <= set(after.types)
    assert after.created_at == T0


@pytest.mark.parametrize("kind", ["update", "merge"])
@given(data=draws())
def test_a_null_deletes_the_instance_it_names_and_no_other(kind, data, terms):
    entity = created(data.draw(entities()), terms)
    assume(entity.attributes)
    name = data.draw(st.sampled_from(sorted(entity.attributes)))
    dataset_id = data.draw(st.sampled_from([i.get("datasetId") for i in entity.attributes[name]]))
    patch = {"type": NULL} if dataset_id is None else {"type": NULL, "datasetId": dataset_id}
    fragment = Fragment(attributes={name: [patch]})
    transition = FRAGMENT_OPERATIONS[kind](fragment)(entity, T1)
    assert transition.entity is not None
    rest = transition.entity.attributes.get(name, [])
    assert rest == [i for i in entity.attributes[name] if i.get("datasetId") != dataset_id]
    assert list(transition.change.attributes) == [name]
    others = {n: i for n, i in entity.attributes.items() if n != name}
    assert {n: i for n, i in transition.entity.attributes.items() if n != name} == others
    deletion = delete_attribute(ID, name, dataset_id=dataset_id)(entity, T1)
    assert deletion == Transition(transition.entity, transition.change)


@given(body=entities(), fragment=fragments(nulls=False))
def test_a_merge_of_what_is_absent_is_an_append(body, fragment, terms):
    entity = created({name: body[name] for name in ("id", "type")}, terms)
    merged = merge_entity(ID, read_fragment(fragment, terms, "merge"))(entity, T1)
    appended = append_attributes(ID, read_fragment(fragment, terms, "append"))(entity, T1)
    assert (merged.entity, merged.change) == (appended.entity, appended.change)


@given(body=entities(), other=entities())
def test_a_replaced_entity_is_the_new_one(body, other, terms):
    entity = created(body, terms)
    target = read_entity(other, terms)
    for operation in (replace_entity(target), upsert_entity(target, "replace")):
        transition = operation(entity, T1)
        check_record(entity, transition)
        assert plain(transition.entity) == plain(target)
        assert transition.entity.created_at == T0


@given(body=entities(), other=entities())
def test_an_upsert_that_updates_is_an_update(body, other, terms):
    entity = created(body, terms)
    upserted = upsert_entity(read_entity(other, terms), "update")(entity, T1)
    updated = update_attributes(ID, read_fragment(other, terms, "update"))(entity, T1)
    assert (upserted.entity, upserted.change) == (updated.entity, updated.change)
    check_record(entity, upserted)


@given(body=entities())
def test_creation_and_deletion_record_everything(body, terms):
    transition = create_entity(read_entity(body, terms))(None, T0)
    check_record(None, transition)
    assert plain(transition.entity) == plain(read_entity(body, terms))
    gone = delete_entity(ID)(transition.entity, T1)
    assert gone.entity is None
    check_record(transition.entity, gone)
    assert expire_entity()(transition.entity, T1) == Transition(transition.entity, None)


@given(body=entities(), data=draws())
def test_replacing_an_attribute_by_itself_changes_only_its_times(body, data, terms):
    entity = created(body, terms)
    assume(entity.attributes)
    name = data.draw(st.sampled_from(sorted(entity.attributes)))
    instances = read_entity(body, terms).attributes[name]
    transition = replace_attribute(ID, name, instances)(entity, T1)
    check_record(entity, transition)
    assert plain(transition.entity) == plain(entity)
    for instance in transition.entity.attributes[name]:
        assert (instance["createdAt"], instance["modifiedAt"]) == (T0, T1)
        assert instance_of(entity.attributes[name], instance.get("datasetId")) is not None


@given(body=entities(), data=draws())
def test_purging_keeps_or_drops(body, data, terms):
    entity = created(body, terms)
    names = data.draw(st.sets(st.sampled_from(("scope", *sorted(entity.attributes)))))
    dropped = purge_attributes(ID, drop=names)(entity, T1)
    kept = purge_attributes(ID, keep=names)(entity, T1)
    check_record(entity, dropped)
    check_record(entity, kept)
    everything = set(entity.attributes)
    assert set(dropped.entity.attributes) == everything - names
    assert set(kept.entity.attributes) == everything & names
    assert dropped.entity.scopes == (() if "scope" in names else entity.scopes)
    assert kept.entity.scopes == (entity.scopes if "scope" in names else ())


json_values = st.recursive(
    scalars | st.just(NULL), lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


@given(target=json_values, patch=json_values)
def test_a_merge_patch_of_values_is_idempotent_and_leaves_no_null_it_brought(target, patch):
    once = merged_value(target, patch)
    assert merged_value(once, patch) == once
    assert merged_value(None, patch) == merged_value({}, patch)
    if isinstance(patch, dict):
        assert not _has_null(merged_value(None, patch))
        for key, value in patch.items():
            assert (key in once) == (value != NULL)


def _has_null(value: Any) -> bool:
    return (
        any(item == NULL or _has_null(item) for item in value.values())
        if isinstance(value, dict)
        else False
    )
