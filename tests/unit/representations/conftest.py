import pytest

from broker.contexts.context import Context
from broker.contexts.terms import build_table
from broker.model.terms import Terms

VOCABULARY = "https://example.org/vocab#"


@pytest.fixture(scope="session")
def terms() -> Terms:
    """An @context with a few terms of its own; other names get the default vocabulary."""
    return Context(
        build_table(
            [
                {
                    "ex": VOCABULARY,
                    "Building": "ex:Building",
                    "City": "ex:City",
                    "temperature": "ex:temperature",
                    "museum": "ex:museum",
                    "xsd": "http://www.w3.org/2001/XMLSchema#",
                }
            ]
        )
    )
