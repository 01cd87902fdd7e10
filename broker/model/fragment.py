"""Fragments: what a client wants changed in an entity (clause 5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from broker.model.entity import NO_ATTRIBUTES, NULL, Attributes, Instance
from broker.model.terms import Terms


class Fragment(NamedTuple):
    """The members of an entity a request mentions, names expanded.

    An instance in `attributes` has the shape of `broker.model.entity`, except that

    - one that is to be deleted is `{"type": NULL}`, with its `datasetId` if it has one;
    - a member or sub-attribute that is to be deleted has the value NULL (a sub-attribute: an
      instance as above);
    - where the request leaves the type to the attribute it changes, `type` is missing; a value
      that stands alone is then the member `value`, whatever the kind of the target.

    `types` are added to those the entity has. `scopes` and `expires_at` are None where they are
    not mentioned; `()` and NULL remove them. A merge has the `terms` that expand such a value where
    the target is a VocabProperty.
    """

    id: str | None = None
    types: tuple[str, ...] = ()
    attributes: Attributes = NO_ATTRIBUTES
    scopes: tuple[str, ...] | None = None
    expires_at: str | None = None
    terms: Terms | None = None


def deletion(dataset_id: str | None = None) -> Instance:
    """Return the instance of a fragment that stands for the deletion of one."""
    return {"type": NULL} if dataset_id is None else {"type": NULL, "datasetId": dataset_id}


def is_deletion(instance: Mapping[str, object]) -> bool:
    """Return whether an instance of a fragment stands for a deletion."""
    return instance.get("type") == NULL
