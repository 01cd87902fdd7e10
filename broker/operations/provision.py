"""Context information provision on one entity (clauses 5.6.1 to 5.6.6, 5.6.17 to 5.6.19)."""

from __future__ import annotations

from dataclasses import dataclass

from broker.model import patching
from broker.model.changes import EntityOperation
from broker.model.entity import Entity, Instance
from broker.model.fragment import Fragment
from broker.model.merging import MergeDefaults
from broker.model.outcomes import UpdateResult
from broker.operations.caller import Caller
from broker.operations.conditions import UNCONDITIONAL, Conditions
from broker.operations.tenancy import Tenancy
from broker.storage.entities import EntityStore


@dataclass(frozen=True, slots=True)
class AttributeTarget:
    """Instances of one attribute: that with `dataset_id` (None: the default one), or all."""

    entity_id: str
    name: str
    dataset_id: str | None = None
    all_instances: bool = False


class EntityProvision:
    """Each method returns when its result is durable.

    All raise EntityNotFound and NonexistentTenant (except create_entity), PreconditionFailed,
    BadRequestData for what does not fit the entity as it is, Overloaded and DatabaseUnavailable.
    """

    def __init__(self, *, entities: EntityStore, tenancy: Tenancy) -> None:
        self._entities = entities
        self._tenancy = tenancy

    async def create_entity(
        self, caller: Caller, entity: Entity, conditions: Conditions = UNCONDITIONAL
    ) -> None:
        """Create Entity (5.6.1). Raises AlreadyExists."""
        operation = conditions.before(patching.create_entity(entity), entity.id)
        await self._entities.apply(caller.space, entity.id, operation, caller.token_of(0))

    async def update_attributes(
        self, caller: Caller, entity_id: str, fragment: Fragment, conditions: Conditions
    ) -> UpdateResult:
        """Update Attributes (5.6.2)."""
        return await self._apply(
            caller, entity_id, patching.update_attributes(entity_id, fragment), conditions
        )

    async def append_attributes(
        self,
        caller: Caller,
        entity_id: str,
        fragment: Fragment,
        conditions: Conditions,
        *,
        overwrite: bool,
    ) -> UpdateResult:
        """Append Attributes (5.6.3)."""
        operation = patching.append_attributes(entity_id, fragment, overwrite=overwrite)
        return await self._apply(caller, entity_id, operation, conditions)

    async def partial_attribute_update(
        self,
        caller: Caller,
        entity_id: str,
        attribute: str,
        instances: list[Instance],
        conditions: Conditions,
    ) -> None:
        """Partial Attribute update (5.6.4). Raises AttributeNotFound."""
        operation = patching.partial_update_attribute(entity_id, attribute, instances)
        await self._apply(caller, entity_id, operation, conditions)

    async def delete_attribute(
        self, caller: Caller, target: AttributeTarget, conditions: Conditions
    ) -> None:
        """Delete Attribute (5.6.5). Raises AttributeNotFound."""
        if target.name == "scope":
            operation = patching.delete_scope(target.entity_id)
        else:
            operation = patching.delete_attribute(
                target.entity_id,
                target.name,
                dataset_id=target.dataset_id,
                delete_all=target.all_instances,
            )
        await self._apply(caller, target.entity_id, operation, conditions)

    async def delete_entity(
        self, caller: Caller, entity_id: str, conditions: Conditions = UNCONDITIONAL
    ) -> None:
        """Delete Entity (5.6.6)."""
        await self._apply(caller, entity_id, patching.delete_entity(entity_id), conditions)

    async def merge_entity(
        self,
        caller: Caller,
        entity_id: str,
        fragment: Fragment,
        defaults: MergeDefaults,
        conditions: Conditions,
    ) -> None:
        """Merge Entity (5.6.17)."""
        operation = patching.merge_entity(entity_id, fragment, defaults)
        await self._apply(caller, entity_id, operation, conditions)

    async def replace_entity(
        self, caller: Caller, entity_id: str, entity: Entity, conditions: Conditions
    ) -> None:
        """Replace Entity (5.6.18)."""
        await self._apply(caller, entity_id, patching.replace_entity(entity), conditions)

    async def replace_attribute(
        self,
        caller: Caller,
        entity_id: str,
        attribute: str,
        instances: list[Instance],
        conditions: Conditions,
    ) -> None:
        """Replace Attribute (5.6.19). Raises AttributeNotFound."""
        operation = patching.replace_attribute(entity_id, attribute, instances)
        await self._apply(caller, entity_id, operation, conditions)

    async def _apply(
        self, caller: Caller, entity_id: str, operation: EntityOperation, conditions: Conditions
    ) -> UpdateResult:
        await self._tenancy.require(caller)
        transition = await self._entities.apply(
            caller.space,
            entity_id,
            conditions.before(operation, entity_id),
            caller.token_of(0),
        )
        result: UpdateResult = transition.outcome
        return result
