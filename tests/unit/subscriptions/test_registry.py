"""Subscriptions that cannot be made ready at once: nothing is forgotten, nothing comes back."""

from __future__ import annotations

from typing import Any

import pytest

from broker.contexts.context import Context, core_context
from broker.model.errors import DatabaseUnavailable, LdContextNotAvailable, NgsiLdError
from broker.subscriptions.registry import Registry
from tests.subscriptions import subscription


class Contexts:
    """Fails as long as it is told to; calls `meanwhile` whenever it is asked."""

    def __init__(self) -> None:
        self.failure: NgsiLdError | None = None
        self.meanwhile = lambda: None

    async def resolve(self, _reference: Any, *, tenant: str = "") -> Context:
        """Return the Core @context."""
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        return core_context()


@pytest.fixture
def contexts() -> Contexts:
    return Contexts()


@pytest.fixture
def registry(contexts: Contexts) -> Registry:
    return Registry(contexts)


async def test_a_subscription_without_its_context_stands_aside_until_it_is_there(
    registry: Registry, contexts: Contexts
) -> None:
    one = subscription()
    contexts.failure = LdContextNotAvailable("gone")
    assert await registry.put(one) is None
    assert registry.find(one.tenant, one.id) is None
    assert await registry.retry() == []
    contexts.failure = None
    (ready,) = await registry.retry()
    assert registry.find(one.tenant, one.id) is None
    assert registry.admit(ready)
    assert registry.find(one.tenant, one.id) is ready
    assert await registry.retry() == []


async def test_no_subscription_stands_aside_for_want_of_a_database(
    registry: Registry, contexts: Contexts
) -> None:
    one = subscription()
    before = await registry.put(one)
    contexts.failure = DatabaseUnavailable("away")
    with pytest.raises(DatabaseUnavailable):
        await registry.put(one)
    assert registry.find(one.tenant, one.id) is before


async def test_who_stands_aside_is_still_there_when_the_database_is_away_meanwhile(
    registry: Registry, contexts: Contexts
) -> None:
    one = subscription()
    contexts.failure = LdContextNotAvailable("gone")
    await registry.put(one)
    contexts.failure = DatabaseUnavailable("away")
    assert await registry.retry() == []
    contexts.failure = None
    assert len(await registry.retry()) == 1


async def test_a_subscription_that_is_deleted_while_it_is_made_ready_stays_deleted(
    registry: Registry, contexts: Contexts
) -> None:
    one = subscription()
    contexts.failure = LdContextNotAvailable("gone")
    await registry.put(one)
    contexts.failure = None
    contexts.meanwhile = lambda: registry.remove((one.tenant, one.id))
    (ready,) = await registry.retry()
    assert not registry.admit(ready)
    assert registry.find(one.tenant, one.id) is None
