"""What workers tell one another of the entities they have written."""

import asyncio
import socket

from hypothesis import given
from hypothesis import strategies as st

from broker.model.entity import Entity
from broker.storage.mongo.neighbours import Neighbours, ToldUpdate, messages_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
instances = st.lists(
    st.builds(
        lambda value, place: {"type": "Property", "value": value, "datasetId": place},
        json_values,
        st.sampled_from(("urn:d:1", "urn:d:2")),
    ),
    min_size=1,
    max_size=2,
)
attributes = st.dictionaries(st.sampled_from(("urn:a", "urn:b", "urn:c.d")), instances, max_size=3)
beside = st.fixed_dictionaries(
    {
        "types": st.sampled_from((("urn:t",), ("urn:t", "urn:u"))),
        "scopes": st.sampled_from(((), ("/a",))),
        "created_at": st.sampled_from(("1", "2")),
        "expires_at": st.sampled_from((None, "9")),
    }
)


@given(attributes, attributes, beside, beside)
def test_an_update_is_followed_exactly_or_not_at_all(before, after, beside_before, beside_after):
    base = Entity("urn:x:1", attributes=before, version=3, modified_at="3", **beside_before)
    later = Entity("urn:x:1", attributes=after, version=5, modified_at="4", **beside_after)
    followed = ToldUpdate.of(base, later, {*before, *after}).following(base)
    if before.keys() == after.keys() and beside_before == beside_after:
        assert followed == later
    else:
        assert followed is None


@given(attributes)
def test_a_deletion_is_not_followed(before):
    base = Entity("urn:x:1", ("urn:t",), before, version=3)
    assert ToldUpdate.of(base, None, before).following(base) is None


@given(attributes)
def test_what_follows_on_another_state_is_not_followed(before):
    base = Entity("urn:x:1", ("urn:t",), before, version=3, modified_at="3")
    told = ToldUpdate.of(base, base.evolve(version=4, modified_at="4"), before)
    assert told.following(base) == base.evolve(version=4, modified_at="4")
    assert told.following(base.evolve(version=2)) is None
    assert told.following(base.evolve(modified_at="2")) is None


@given(st.lists(st.tuples(attributes, st.integers(1, 9)), max_size=70))
def test_what_is_told_is_heard(changes):
    said = [
        ToldUpdate.of(
            Entity("urn:x:1", ("urn:t",), values, version=version, modified_at="3"),
            Entity("urn:x:1", ("urn:t",), values, version=version + 1, modified_at="4"),
            values,
        )
        for values, version in changes
    ]
    heard = []

    async def talk():
        outer, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with outer, inner:
            outer.settimeout(0)
            inner.settimeout(0)
            with Neighbours(inner).listening(lambda *told: heard.append(told)):
                Neighbours(None, [outer]).tell(messages_of("yaizu", said))
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    asyncio.run(talk())
    assert {tenant for tenant, _ in heard} == ({"yaizu"} if said else set())
    assert [one for _, told in heard for one in told] == said
