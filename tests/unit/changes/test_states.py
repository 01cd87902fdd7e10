"""Past states of entities, from what is known now and what changed since."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.changes.states import EntityStates, state_after
from broker.model import patching
from broker.model.changes import Change
from broker.model.entity import Entity
from broker.model.fragment import Fragment
from broker.storage.feed import EntityChanged

ID = "urn:ngsi-ld:Sensor:1"
names = st.sampled_from(["urn:p:a", "urn:p:b"])
steps = st.one_of(
    st.tuples(st.just("put"), names, st.integers(0, 9)),
    st.tuples(st.just("drop"), names, st.just(0)),
    st.tuples(st.just("delete"), names, st.just(0)),
)


def history(given_steps: Sequence[tuple[str, str, int]]) -> list[tuple[Change, Entity | None]]:
    """Return changes with the states they led to, made by the operations themselves."""
    entity: Entity | None = None
    past: list[tuple[Change, Entity | None]] = []
    for number, (step, term, value) in enumerate(given_steps):
        now = f"2026-11-22T05:00:00.{number:06d}Z"
        attribute = {term: [{"type": "Property", "value": value}]}
        if entity is None:
            operation = patching.create_entity(Entity(ID, ("urn:t:Sensor",), attribute))
        elif step == "delete":
            operation = patching.delete_entity(ID)
        elif step == "drop" and term in entity.attributes:
            operation = patching.delete_attribute(ID, term)
        else:
            operation = patching.append_attributes(
                ID, Fragment(attributes=attribute), overwrite=True
            )
        transition = operation(entity, now)
        assert transition.change is not None
        entity = transition.entity
        past.append((transition.change, entity))
    return past


def same(state: Entity | None, expected: Entity | None) -> bool:
    """Compare two states; times the entity as a whole was written are not recovered."""
    if state is None or expected is None:
        return state is expected
    return (state.version, state.types, state.attributes) == (
        expected.version,
        expected.types,
        expected.attributes,
    )


class Log:
    """A change log in memory, as the database would show it."""

    def __init__(self, past: list[tuple[Change, Entity | None]]) -> None:
        self.past = past
        self.asked = 0

    async def present(self, tenant: str, entity_ids: Sequence[str]) -> dict[str, Entity]:
        self.asked += 1
        state = self.past[-1][1]
        return {} if state is None else {ID: state}

    async def later(self, tenant: str, changes: Sequence[Change]) -> dict[str, list[Change]]:
        (first,) = changes
        past = [change for change, _ in self.past]
        found: list[Change] = []
        for change in past[past.index(first) + 1 :]:
            if change.kind == "entityCreated":
                break
            found.append(change)
        return {ID: found}

    async def times(self, tenant: str, deletion: Change) -> tuple[str, str]:
        return "", ""


@settings(max_examples=300)
@given(st.lists(steps, min_size=1, max_size=12), st.data())
async def test_every_state_is_found_wherever_one_begins(given_steps, data) -> None:
    past = history(given_steps)
    start = data.draw(st.integers(0, len(past) - 1))
    states = EntityStates(Log(past), most=10)
    for change, expected in past[start:]:
        event = EntityChanged("", change, "0")
        await states.prepare([event])
        before, after = states.advance(event)
        assert same(after, expected)
        if expected is None:
            assert before is not None


async def test_known_states_are_not_asked_for_again() -> None:
    past = history([("put", "urn:p:a", 1), ("put", "urn:p:a", 2), ("put", "urn:p:b", 3)])
    log = Log(past)
    states = EntityStates(log, most=10)
    for change, _ in past:
        event = EntityChanged("", change, "0")
        await states.prepare([event])
        states.advance(event)
    assert log.asked == 0


def test_a_state_that_cannot_be_known_is_none() -> None:
    past = history([("put", "urn:p:a", 1), ("put", "urn:p:a", 2)])
    assert state_after(past[1][0], None, []) is None
    assert state_after(past[1][0], past[0][1], []) is None


async def test_no_more_states_are_held_than_allowed() -> None:
    past = history([("put", "urn:p:a", 1), ("put", "urn:p:a", 2)])
    log = Log(past)
    states = EntityStates(log, most=1)
    created, updated = (EntityChanged("", change, "0") for change, _ in past)
    other = EntityChanged("another", past[0][0], "0")
    for event in (created, other, updated):
        await states.prepare([event])
        states.advance(event)
    assert log.asked == 1
