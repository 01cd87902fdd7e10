"""The simplified representation: values alone (clause 4.5.4)."""

from __future__ import annotations

from typing import Any

from broker.model.attributes import (
    JSON_PROPERTY,
    LANGUAGE_PROPERTY,
    LIST_RELATIONSHIP,
    VALUE_MEMBER,
    VOCAB_PROPERTY,
)
from broker.model.entity import Instance
from broker.model.languages import NO_LANGUAGE
from broker.representations.languages import choose_language
from broker.representations.writer import Writer


def write_simplified(instances: list[Instance], writer: Writer) -> Any:
    """Return the value of an attribute, or the values of its instances by datasetId."""
    if len(instances) == 1:
        return write_value(instances[0], writer)
    return {
        "dataset": {
            instance.get("datasetId", NO_LANGUAGE): write_value(instance, writer)
            for instance in instances
        }
    }


def write_value(instance: Instance, writer: Writer) -> Any:
    """Return the value of one instance in the simplified representation."""
    kind = instance["type"]
    value = instance[VALUE_MEMBER[kind]]
    if kind == LIST_RELATIONSHIP:
        return [target["object"] for target in value]
    if kind == VOCAB_PROPERTY:
        return {"vocab": writer.as_terms(value)}
    if kind == JSON_PROPERTY:
        return {"json": value}
    if kind == LANGUAGE_PROPERTY:
        if writer.languages is not None:
            return value[choose_language(value, writer.languages)]
        return {"languageMap": value}
    return value
