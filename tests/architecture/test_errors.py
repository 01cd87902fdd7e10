"""The table of statuses holds every error of the tree, and nothing else."""

from __future__ import annotations

from broker.api.problems import STATUSES
from broker.model import errors
from broker.model.errors import NgsiLdError


def _tree(kind: type[NgsiLdError]) -> set[type[NgsiLdError]]:
    return {kind}.union(*(_tree(child) for child in kind.__subclasses__()))


def test_every_error_has_a_status() -> None:
    ours = {kind for kind in _tree(NgsiLdError) if kind.__module__.startswith("broker.")}
    assert ours - set(STATUSES) == set()
    assert set(STATUSES) - ours == set()


def test_the_drawn_tree_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    assert [kind.__name__ for kind in _tree(NgsiLdError) if kind.__name__ not in drawn] == []
