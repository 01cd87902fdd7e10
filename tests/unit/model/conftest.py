from collections.abc import Callable
from typing import Any

import pytest

from broker.contexts.context import core_context
from broker.model.entity import Entity
from broker.model.fragment import Fragment
from broker.model.patching import create_entity
from broker.model.terms import Terms
from broker.representations.reading import FragmentOf, read_entity, read_fragment
from tests.rooms import ID, T0


@pytest.fixture(scope="session")
def terms() -> Terms:
    return core_context()


@pytest.fixture
def room(terms) -> Callable[..., Entity]:
    """Make a room at T0 that has the members given."""

    def make(**members: Any) -> Entity:
        body = {"id": ID, "type": "Room", **members}
        entity = create_entity(read_entity(body, terms))(None, T0).entity
        assert entity is not None
        return entity

    return make


@pytest.fixture
def fragment(terms) -> Callable[..., Fragment]:
    """Read a fragment that has the members given."""

    def read(operation: FragmentOf, **members: Any) -> Fragment:
        return read_fragment(members, terms, operation)

    return read
