"""What a worker holds of the entities, and when it stops relying on it."""

from broker.model.entity import Entity
from broker.storage.mongo.held_entities import HeldEntities
from broker.storage.mongo.neighbours import ToldUpdate

NAME = "https://example.org/n"


def entity(number, version=1):
    attributes = {NAME: [{"type": "Property", "value": version}]}
    return Entity(
        f"urn:x:{number}", ("urn:t",), attributes, version=version, modified_at=f"{version}"
    )


def told(before, after):
    return ToldUpdate.of(before, after, [NAME])


def test_what_is_written_again_and_again_outlasts_an_import():
    held = HeldEntities(limit=8)
    for number in range(4):
        for version in (1, 2):
            held.hold(f"urn:x:{number}", entity(number, version))
    for number in range(100, 200):
        held.hold(f"urn:x:{number}", entity(number))
    assert [held.recall(f"urn:x:{number}") for number in range(4)] == [
        entity(n, 2) for n in range(4)
    ]
    assert [held.recall(f"urn:x:{number}") is None for number in (100, 197, 198, 199)] == [
        True,
        True,
        False,
        False,
    ]


def test_no_more_is_held_than_the_limits():
    held = HeldEntities(limit=8)
    for number in range(50):
        for version in (1, 2):
            held.hold(f"urn:x:{number}", entity(number, version))
    assert sum(held.recall(f"urn:x:{number}") is not None for number in range(50)) == 8


def test_what_was_deleted_is_not_held():
    held = HeldEntities(limit=8)
    held.hold("urn:x:1", entity(1))
    held.hold("urn:x:1", None)
    assert held.recall("urn:x:1") is None


def test_an_update_of_another_worker_is_followed():
    held = HeldEntities(limit=8)
    held.hold("urn:x:1", entity(1, 1))
    held.follow(told(entity(1, 1), entity(1, 2)))
    held.follow(told(entity(1, 2), entity(1, 3)))
    assert held.recall("urn:x:1") == entity(1, 3)


def test_an_entity_is_forgotten_when_an_update_was_missed():
    held = HeldEntities(limit=8)
    held.hold("urn:x:1", entity(1, 1))
    held.follow(told(entity(1, 2), entity(1, 3)))
    assert held.recall("urn:x:1") is None
    held.follow(told(entity(1, 3), entity(1, 4)))
    assert held.recall("urn:x:1") is None


def test_mistrust_passes_with_the_groups():
    held = HeldEntities(limit=8)
    held.hold("urn:x:1", entity(1))
    held.hold("urn:x:2", entity(2))
    assert not held.is_mistrusted()
    held.mistrust(["urn:x:1", "urn:x:none"])
    assert [held.recall("urn:x:1"), held.recall("urn:x:2")] == [None, entity(2)]
    asked = [held.is_mistrusted() for _ in range(40)]
    assert asked == sorted(asked, reverse=True)
    assert asked[0]
    assert not asked[-1]
