"""What kind of MongoDB server an address leads to, and whether it will do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from warnings import catch_warnings, simplefilter

from dns.exception import DNSException
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from broker.storage.mongo.connection import Document

OLDEST_VERSION = (5, 0)

MAKE_IT_A_REPLICA_SET = (
    "it is a standalone server, which has no transactions and no change streams. Make it a "
    "one-member replica set: add `replication: {replSetName: rs0}` to /etc/mongod.conf (or start "
    "mongod with --replSet rs0), restart it, and run "
    '`mongosh --eval \'rs.initiate({_id: "rs0", members: [{_id: 0, host: "HOST:PORT"}]})\'` '
    "once; the data stays"
)


class ServerUnreachable(Exception):
    """No server answers at the address; the message says what happened."""


class ServerUnsuitable(Exception):
    """The server answers, but the broker cannot work with it; the message says what to change."""


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A server that will do. `clock` is its time; `write_concern` what applies by default."""

    version: str
    topology: str
    clock: datetime | None
    write_concern: str


def inspect_server(uri: str, *, timeout: float = 5.0) -> ServerReport:
    """Look at the server; waits at most about `timeout` seconds. Blocks.

    Raises:
        ServerUnreachable: nothing answers, there is no primary, or the name of a
            `mongodb+srv` address is not known now.
        ServerUnsuitable: it is too old, a standalone, or refuses us.
    """
    try:
        client: MongoClient[Document] = MongoClient(
            uri, serverSelectionTimeoutMS=int(timeout * 1000), connectTimeoutMS=int(timeout * 1000)
        )
    except (PyMongoError, ValueError) as error:
        if _is_of_name_service(error):
            raise ServerUnreachable(str(error)) from error
        raise ServerUnsuitable(f"the connection string cannot be used: {error}") from error
    with client:
        try:
            return _inspect(client)
        except OperationFailure as error:
            raise ServerUnsuitable(f"it refuses us: {error.details or error}") from error
        except PyMongoError as error:
            raise ServerUnreachable(_first_words(error)) from error


def why_unusable(uri: str) -> str | None:
    """Return why a connection string is none, None if it is one. Asks nobody.

    Of `mongodb+srv` only the name service could tell; it is taken as it is.
    """
    if uri.startswith("mongodb+srv://"):
        return None
    try:
        with catch_warnings():
            simplefilter("ignore")
            parse_uri(uri)
    except (PyMongoError, ValueError) as error:
        return str(error)
    return None


def _is_of_name_service(error: Exception) -> bool:
    return isinstance(error.__cause__, DNSException)


def _inspect(client: MongoClient[Document]) -> ServerReport:
    hello = client.admin.command("hello")
    version = client.server_info()["version"]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise ServerUnsuitable(
            f"it is MongoDB {version}; {'.'.join(map(str, OLDEST_VERSION))} or newer is needed"
        )
    if hello.get("msg") == "isdbgrid":
        topology = "sharded cluster"
    elif "setName" in hello:
        topology = f"replica set {hello['setName']}, {len(hello.get('hosts', []))} members"
    else:
        raise ServerUnsuitable(MAKE_IT_A_REPLICA_SET)
    return ServerReport(version, topology, hello.get("localTime"), _write_concern(client))


def _write_concern(client: MongoClient[Document]) -> str:
    try:
        answer: dict[str, Any] = client.admin.command("getDefaultRWConcern")
    except OperationFailure:
        return "not known"
    return str(answer.get("defaultWriteConcern", {}).get("w", "majority"))


def _first_words(error: PyMongoError) -> str:
    return str(error).split(", Timeout:")[0].split(" (configured timeouts")[0]
