"""What API workers and the engine are both built on."""

from __future__ import annotations

from broker.config import ConfigurationError, Settings
from broker.model.clock import system_clock
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.registrations import MongoRegistrationStore
from broker.storage.mongo.tenants import Tenants


def open_databases(settings: Settings) -> Databases:
    """Return the databases of an installation, not yet connected.

    Raises ConfigurationError without a MongoDB URI.
    """
    if settings.mongodb.uri is None:
        raise ConfigurationError(
            ["no MongoDB URI; set MUTSURA_MONGODB_URI, or use 'mutsura serve', which brings one"]
        )
    client = connect(
        settings.mongodb.uri,
        pool_size=settings.mongodb.pool_size,
        timeout_ms=int(settings.mongodb.timeout * 1000),
    )
    return Databases(client, prefix=settings.mongodb.database_prefix)


def registration_store(databases: Databases, tenants: Tenants) -> MongoRegistrationStore:
    """Return the store of context source registrations."""
    return MongoRegistrationStore(databases=databases, tenants=tenants, clock=system_clock)
