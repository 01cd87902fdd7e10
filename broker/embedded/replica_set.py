"""A one-member replica set: transactions and change streams need one."""

from __future__ import annotations

import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from broker.embedded.errors import EmbeddedServiceError

NAME = "mutsura"

_ALREADY_INITIALIZED = 23
_PAUSE = 0.05  # seconds between two looks

Client = MongoClient[dict[str, Any]]


def connect(host: str) -> Client:
    """Return a client for exactly this member, whatever state it is in."""
    return MongoClient(host=f"mongodb://{host}/?directConnection=true", **_impatient())


def _impatient() -> dict[str, Any]:
    return {"serverSelectionTimeoutMS": 500, "connectTimeoutMS": 2000, "socketTimeoutMS": 5000}


def make_primary(client: Client, host: str, *, deadline: float) -> None:
    """Bring the member at `host` to be the primary of its own replica set.

    Initiates a new member, finishes an initiation that was interrupted, and corrects the host
    name of a member that now listens on another port. `deadline` is on the monotonic clock.

    Raises:
        EmbeddedServiceError: the member did not become primary before the deadline.
    """
    complaint = "it does not answer"
    while time.monotonic() < deadline:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
            complaint = _advance(client, host)
        except PyMongoError as error:
            complaint = str(error)
        time.sleep(_PAUSE)
    raise EmbeddedServiceError(f"the embedded database did not become primary: {complaint}")


def _advance(client: Client, host: str) -> str:
    """Take the next step towards a primary; return what it is waiting for."""
    stored = client.get_database("local")["system.replset"].find_one()
    if stored is None:  # asking for the status is not enough: it has none while it starts, too
        _initiate(client, host)
        return "the replica set is being initiated"
    if [member["host"] for member in stored["members"]] != [host]:
        _reconfigure(client, host, stored)
        return "the replica set is being told its new address"
    return "the election is not over"


def _initiate(client: Client, host: str) -> None:
    config = {
        "_id": NAME,
        "version": 1,
        "members": [{"_id": 0, "host": host}],
        "settings": {"electionTimeoutMillis": 1000},
    }
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise


def _reconfigure(client: Client, host: str, stored: dict[str, Any]) -> None:
    moved = stored | {"version": stored["version"] + 1, "members": [{"_id": 0, "host": host}]}
    client.admin.command("replSetReconfig", moved, force=True)
