"""The normalized representation of attributes (clauses 4.5.2.2, 4.5.3.2, 4.5.18.2 ff.)."""

from __future__ import annotations

from typing import Any

from broker.model.entity import Instance
from broker.representations.languages import in_language
from broker.representations.writer import Writer


def write_normalized(instances: list[Instance], writer: Writer) -> Any:
    """Return an attribute: an object, or an array of them if there are several instances."""
    if len(instances) == 1:
        return write_normalized_instance(instances[0], writer)
    return [write_normalized_instance(instance, writer) for instance in instances]


def write_normalized_instance(instance: Instance, writer: Writer) -> Instance:
    """Return one instance with its names compacted; values are shared with it, not copied."""
    if writer.languages is not None and "languageMap" in instance:
        instance = in_language(instance, writer.languages)
    plain = writer.plain
    result: Instance = {}
    for member, value in instance.items():
        if member in plain:
            result[member] = value
        elif member in writer.hidden:
            continue
        elif member in writer.compacted:
            result[member] = writer.as_terms(value)
        else:
            result[writer.compact(member)] = write_normalized(value, writer)
    return result
