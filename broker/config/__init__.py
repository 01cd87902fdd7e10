"""The settings of an installation: what they are, where they come from, their documentation.

`settings` declares every setting as a typed field with its help; `load` reads them from the
environment and a file; `page` writes the list for people.
"""

from broker.config.load import ConfigurationError, as_environment, load_settings
from broker.config.settings import Settings

__all__ = ["ConfigurationError", "Settings", "as_environment", "load_settings"]
