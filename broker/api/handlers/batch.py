"""Batch operations (clauses 6.14 to 6.17, 6.31)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.media_types import JSON_LD
from broker.api.problems import problem_details
from broker.api.responses import json_response, no_content
from broker.api.targets import merge_defaults
from broker.contexts.context import Context, ContextReference
from broker.model.entity import Entity
from broker.model.errors import BadRequestData, NgsiLdError, TooManyOperations
from broker.model.fragment import Fragment
from broker.model.names import is_uri
from broker.operations.batch import BatchResult, Refusal
from broker.representations.reading import FragmentOf, read_entity, read_fragment

T = TypeVar("T")
NO_ID = "urn:ngsi-ld:unknown"
"""Stands for the entity of an element that names none (BatchEntityError has to have a URI)."""


async def create_entities(incoming: Incoming) -> web.Response:
    """POST /entityOperations/create (6.14.3.1)."""
    elements = await _read(incoming, _entity)
    result = await incoming.app.batch.create_entities(incoming.caller, elements)
    return batch_response(result, created=True)


async def upsert_entities(incoming: Incoming) -> web.Response:
    """POST /entityOperations/upsert (6.15.3.1)."""
    options = incoming.parameters.options({"replace", "update"})
    if len(options) > 1:
        raise BadRequestData("options is either replace or update")
    elements = await _read(incoming, _entity)
    result = await incoming.app.batch.upsert_entities(
        incoming.caller, elements, update="update" in options
    )
    return batch_response(result, created=True)


async def update_entities(incoming: Incoming) -> web.Response:
    """POST /entityOperations/update (6.16.3.1).

    The options replace and update, which clients send, name what it does without any.
    """
    options = incoming.parameters.options({"noOverwrite", "replace", "update"})
    if len(options) > 1:
        raise BadRequestData("options is one of noOverwrite, replace and update")
    elements = await _read(incoming, _fragment_reader("append"))
    result = await incoming.app.batch.update_entities(
        incoming.caller, elements, overwrite="noOverwrite" not in options
    )
    return batch_response(result)


async def merge_entities(incoming: Incoming) -> web.Response:
    """POST /entityOperations/merge (6.31.3.1)."""
    options = incoming.parameters.options({"keyValues", "simplified"})
    elements = await _read(incoming, _fragment_reader("mergeSimplified" if options else "merge"))
    result = await incoming.app.batch.merge_entities(
        incoming.caller, elements, merge_defaults(incoming)
    )
    return batch_response(result)


async def delete_entities(incoming: Incoming) -> web.Response:
    """POST /entityOperations/delete (6.17.3.1); with dryRun=true it tells what would go."""
    elements = [_id(element, index) for index, element in enumerate(_array(incoming))]
    operations = incoming.app.batch
    if incoming.parameters.flag("dryRun"):
        return dry_run_response(await operations.preview_deletion(incoming.caller, elements))
    return batch_response(await operations.delete_entities(incoming.caller, elements))


def _array(incoming: Incoming) -> list[Any]:
    body = incoming.body
    if not isinstance(body, list) or not body:
        raise BadRequestData(
            "the body of a batch operation is a JSON array with at least one element"
        )
    if any(element is None for element in body):
        raise BadRequestData("null is not an element of a batch", pointer=f"/{body.index(None)}")
    largest = incoming.app.settings.largest_batch
    if len(body) > largest:
        raise TooManyOperations(
            f"the batch has {len(body)} elements; this broker takes {largest} at once"
        )
    return body


async def _read(incoming: Incoming, read: Callable[[Any, Context, int], T]) -> list[T | Refusal]:
    """Read every element with its @context; one that cannot be read becomes a refusal.

    Elements mostly share their @context, which is then resolved once.
    """
    if incoming.link is not None and incoming.media_type == JSON_LD:
        incoming.reference_of({})  # one mistake of the whole request, not of each element
    elements: list[T | Refusal] = []
    shared: ContextReference = None
    context: Context | None = None
    for index, element in enumerate(_array(incoming)):
        try:
            reference = incoming.reference_of(element, f"/{index}")
            if context is None or reference != shared:
                context = await incoming.resolve(reference)
                shared = reference
            elements.append(read(element, context, index))
        except NgsiLdError as error:
            elements.append(Refusal(_id_of(element), error))
    return elements


def _entity(element: Any, context: Context, index: int) -> Entity:
    return read_entity(element, context, at=(index,))


def _fragment_reader(
    operation: FragmentOf,
) -> Callable[[Any, Context, int], tuple[str, Fragment]]:
    def read(element: Any, context: Context, index: int) -> tuple[str, Fragment]:
        fragment = read_fragment(element, context, operation, at=(index,))
        if fragment.id is None:
            raise BadRequestData("the element has no id", pointer=f"/{index}")
        return fragment.id, fragment

    return read


def _id(element: Any, index: int) -> str | Refusal:
    if isinstance(element, str) and is_uri(element):
        return element
    refusal = BadRequestData(f"{element!r:.200} is not a URI", pointer=f"/{index}")
    return Refusal(element if isinstance(element, str) else None, refusal)


def _id_of(element: Any) -> str | None:
    if isinstance(element, dict):
        for name in ("id", "@id"):
            if isinstance(element.get(name), str):
                value: str = element[name]
                return value
    return None


def dry_run_response(entity_ids: list[str]) -> web.Response:
    """Return what a request that deletes would touch (beyond the standard)."""
    return json_response({"dryRun": True, "entities": entity_ids})


def batch_response(result: BatchResult, *, created: bool = False) -> web.Response:
    """Return 201 with the new ids, 204, or 207 with a BatchOperationResult (5.2.16)."""
    if not result.errors:
        if created and result.created:
            return json_response(list(dict.fromkeys(result.created)), status=201)
        return no_content()
    return json_response(
        {
            "success": list(dict.fromkeys(result.success)),
            "errors": [
                {
                    "entityId": refusal.entity_id or NO_ID,
                    "error": problem_details(refusal.error),
                }
                for refusal in result.errors
            ],
        },
        status=207,
    )
