"""What a consumer asks of a representation, as one value (clauses 4.15, 4.21, 6.3.7, 6.3.11)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from broker.model.entity import Attributes
from broker.model.languages import NO_LANGUAGE
from broker.representations.languages import LanguageFilter
from broker.representations.selection import Selection

Form: TypeAlias = Literal["normalized", "concise", "simplified"]


@dataclass(frozen=True, slots=True)
class RepresentationOptions:
    """How entities are to be shown.

    `pick` and `omit` reduce the members, `dataset_ids` the instances (`@none` names the default
    instance); None stands for all of them. `sys_attrs` adds createdAt, modifiedAt and expiresAt.
    """

    form: Form = "normalized"
    sys_attrs: bool = False
    languages: LanguageFilter | None = None
    pick: Selection | None = None
    omit: Selection | None = None
    dataset_ids: frozenset[str] | None = None

    def evolve(self, **changes: Any) -> RepresentationOptions:
        """Return a copy with some members replaced."""
        return replace(self, **changes)

    def shows(self, member: str) -> bool:
        """Return whether a member of an entity (an own one or an expanded attribute) is shown."""
        if self.pick is not None and member not in self.pick:
            return False
        return self.omit is None or member not in self.omit or self.omit[member] is not None

    def select(self, attributes: Attributes) -> Attributes:
        """Return the attributes and instances that are shown."""
        if self.pick is not None or self.omit is not None:
            attributes = {name: found for name, found in attributes.items() if self.shows(name)}
        if self.dataset_ids is None:
            return attributes
        wanted = self.dataset_ids
        selected = {
            name: [found for found in instances if found.get("datasetId", NO_LANGUAGE) in wanted]
            for name, instances in attributes.items()
        }
        return {name: instances for name, instances in selected.items() if instances}


DEFAULT_OPTIONS = RepresentationOptions()
