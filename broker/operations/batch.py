"""Batch operations (clauses 5.6.7 to 5.6.10, 5.6.20): every element by itself, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from broker.model import patching
from broker.model.changes import EntityOperation, Transition
from broker.model.entity import Entity
from broker.model.errors import AlreadyExists, NgsiLdError, Overloaded
from broker.model.fragment import Fragment
from broker.model.merging import MergeDefaults
from broker.model.outcomes import UpdateResult
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy
from broker.storage.entities import EntityStore


@dataclass(frozen=True, slots=True)
class Refusal:
    """An element of a batch that was refused, and why. `entity_id` is None if it has none."""

    entity_id: str | None
    error: NgsiLdError


@dataclass(slots=True)
class BatchResult:
    """What became of a batch (clause 5.2.16): ids in order, those of them that are new, errors."""

    success: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    errors: list[Refusal] = field(default_factory=list)


class BatchOperations:
    """Each element is applied by itself; one that fails does not undo another.

    An element that could not even be read is a `Refusal` in the input; it comes back among the
    errors. When the database or the broker can do nothing at the moment, the whole batch raises
    DatabaseUnavailable or Overloaded. Several elements on one entity are applied in the order
    given.
    """

    def __init__(self, *, entities: EntityStore, tenancy: Tenancy) -> None:
        self._entities = entities
        self._tenancy = tenancy

    async def create_entities(
        self, caller: Caller, elements: Iterable[Entity | Refusal]
    ) -> BatchResult:
        """Batch Entity Creation (5.6.7)."""
        return await self._apply(
            caller,
            [
                element
                if isinstance(element, Refusal)
                else (element.id, patching.create_entity(element))
                for element in elements
            ],
        )

    async def upsert_entities(
        self, caller: Caller, elements: Iterable[Entity | Refusal], *, update: bool
    ) -> BatchResult:
        """Batch Entity Creation or Update (5.6.8): replace what exists, or update it."""
        return await self._apply(
            caller,
            [
                element
                if isinstance(element, Refusal)
                else (
                    element.id,
                    patching.upsert_entity(element, "update" if update else "replace"),
                )
                for element in elements
            ],
        )

    async def update_entities(
        self, caller: Caller, elements: Iterable[tuple[str, Fragment] | Refusal], *, overwrite: bool
    ) -> BatchResult:
        """Batch Entity Update (5.6.9): append attributes to entities that exist."""
        await self._tenancy.require(caller)
        return await self._apply(
            caller,
            [
                element
                if isinstance(element, Refusal)
                else (
                    element[0],
                    patching.append_attributes(element[0], element[1], overwrite=overwrite),
                )
                for element in elements
            ],
        )

    async def merge_entities(
        self,
        caller: Caller,
        elements: Iterable[tuple[str, Fragment] | Refusal],
        defaults: MergeDefaults,
    ) -> BatchResult:
        """Batch Entity Merge (5.6.20)."""
        await self._tenancy.require(caller)
        return await self._apply(
            caller,
            [
                element
                if isinstance(element, Refusal)
                else (element[0], patching.merge_entity(element[0], element[1], defaults))
                for element in elements
            ],
        )

    async def delete_entities(
        self, caller: Caller, elements: Iterable[str | Refusal]
    ) -> BatchResult:
        """Batch Entity Delete (5.6.10)."""
        await self._tenancy.require(caller)
        return await self._apply(
            caller,
            [
                element
                if isinstance(element, Refusal)
                else (element, patching.delete_entity(element))
                for element in elements
            ],
        )

    async def preview_deletion(
        self, caller: Caller, elements: Iterable[str | Refusal]
    ) -> list[str]:
        """Return those of the entities that exist, each once: a batch delete would remove them."""
        await self._tenancy.require(caller)
        wanted = dict.fromkeys(element for element in elements if isinstance(element, str))
        found = await self._entities.fetch_many(caller.space, list(wanted))
        return [entity_id for entity_id in wanted if entity_id in found]

    async def _apply(
        self, caller: Caller, elements: Sequence[tuple[str, EntityOperation] | Refusal]
    ) -> BatchResult:
        operations = [element for element in elements if not isinstance(element, Refusal)]
        tokens = None
        if caller.token is not None:
            tokens = [
                caller.token_of(index)
                for index, element in enumerate(elements)
                if not isinstance(element, Refusal)
            ]
        results = await self._entities.apply_many(caller.space, operations, tokens)
        _raise_if_nothing_could_be_done(results)
        outcomes = iter(results)
        result = BatchResult()
        for element in elements:
            if isinstance(element, Refusal):
                result.errors.append(element)
            else:
                _report(result, element[0], next(outcomes))
        return result


def _raise_if_nothing_could_be_done(outcomes: Sequence[Transition | NgsiLdError]) -> None:
    """Raise where the whole batch met an overloaded broker or an absent database."""
    temporary = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    if temporary and len(temporary) == len(outcomes):
        raise temporary[0]


def _report(result: BatchResult, entity_id: str, outcome: Transition | NgsiLdError) -> None:
    if isinstance(outcome, NgsiLdError):
        result.errors.append(Refusal(entity_id, outcome))
        return
    if isinstance(outcome.outcome, UpdateResult) and outcome.outcome.not_updated:
        result.errors.append(Refusal(entity_id, _partial(outcome.outcome)))
        return
    result.success.append(entity_id)
    if outcome.change is not None and outcome.change.kind == "entityCreated":
        result.created.append(entity_id)


def _partial(result: UpdateResult) -> NgsiLdError:
    names = tuple(attribute.attribute_name for attribute in result.not_updated)
    reasons = "; ".join(
        f"{refused.attribute_name}: {refused.reason}" for refused in result.not_updated
    )
    return AlreadyExists(f"attributes were left as they are: {reasons}", attribute_names=names)
