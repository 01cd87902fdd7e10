"""Names on the wire: our namespace and the @context of the entity types in `schemas/models`."""

from typing import Final

NAMESPACE: Final = "https://uri.mutsura.dev/ns#"
CONTEXT_URL: Final = "https://uri.mutsura.dev/context.jsonld"
"""Holds the terms of all types of `schemas/models`; the file is `schemas/models/context.jsonld`."""
