import pytest

from broker.contexts.context import core_context
from broker.model.terms import Terms


@pytest.fixture(scope="session")
def terms() -> Terms:
    return core_context()
