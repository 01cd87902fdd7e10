"""The composition root: settings to stores to operations to the application.

The only package that names implementations of stores. Read it to see how everything is wired.
"""

from broker.app.api import build_api
from broker.app.engine import build_engine

__all__ = ["build_api", "build_engine"]
