"""The index never misses a subscription that a change triggers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.subscriptions.candidates import Candidates
from broker.subscriptions.matching import matches
from tests.subscriptions import NOW, compiled, entity, occurrence, prop

types = st.sampled_from(["Sensor", "Room", "Sensor|Room", "(Sensor;Room)", "*"])
ids = st.sampled_from(["urn:ngsi-ld:Sensor:1", "urn:ngsi-ld:Sensor:2"])
selectors = st.fixed_dictionaries(
    {"type": types}, optional={"id": ids | st.lists(ids, min_size=1), "idPattern": st.just(".*1")}
)
terms = st.lists(st.sampled_from(["temperature", "room"]), min_size=1, unique=True)
triggers = st.lists(
    st.sampled_from(["entityCreated", "entityDeleted", "entityUpdated", "attributeDeleted"]),
    min_size=1,
)
bodies = st.fixed_dictionaries(
    {"entities": st.lists(selectors, min_size=1, max_size=2)},
    optional={"watchedAttributes": terms, "notificationTrigger": triggers},
) | st.fixed_dictionaries({"entities": st.none(), "watchedAttributes": terms})
states = st.sampled_from(
    [
        (None, entity(temperature=prop(1))),
        (entity(temperature=prop(1)), entity(temperature=prop(2))),
        (entity(temperature=prop(1), room=prop("a")), entity(temperature=prop(1))),
        (entity(room=prop("a")), None),
    ]
)


@given(st.lists(bodies, max_size=5), states)
def test_whatever_matches_is_a_candidate(definitions: list[dict[str, Any]], given_states) -> None:
    index = Candidates()
    subscriptions = [
        compiled(id=f"urn:s:{number}", **members) for number, members in enumerate(definitions)
    ]
    for one in subscriptions:
        index.put(one)
    seen = occurrence(*given_states)
    found = {one.subscription.id for one in index.of("", seen.change)}
    matching = {one.subscription.id for one in subscriptions if matches(one, seen, NOW)}
    assert matching <= found


def test_a_new_version_takes_the_place_of_the_old_one() -> None:
    index = Candidates()
    index.put(compiled(entities=[{"type": "Room"}]))
    index.put(compiled(entities=[{"type": "Sensor"}]))
    seen = occurrence(None, entity(temperature=prop(1)))
    assert len(index) == 1
    assert len(index.of("", seen.change)) == 1
    assert not index.of("another", seen.change)
    index.remove("", "urn:ngsi-ld:Subscription:1")
    assert not index.of("", seen.change)


def test_other_types_are_not_looked_at() -> None:
    index = Candidates()
    index.put(compiled(entities=[{"type": "Room"}]))
    seen = occurrence(None, entity(temperature=prop(1)))
    assert not index.of("", seen.change)
