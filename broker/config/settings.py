"""Every setting of the broker.

A new setting is one line here, then `make docs`. Its name in the environment follows from where
it stands: field `page_size` of group `limits` is `MUTSURA_LIMITS_PAGE_SIZE`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from broker.config.field import setting

_MEBIBYTE = 1024 * 1024
_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and how the API is served."""

    host: str = setting(
        "127.0.0.1",
        "Address the API listens on. Anything but a loopback address opens it to the network, "
        "and there is no authentication yet.",
    )
    port: int = setting(1026, "Port of the API.", minimum=0, maximum=65535)
    workers: int = setting(
        0,
        "Processes that answer API requests. 0 is one for each core of the machine, but at most "
        "eight.",
        minimum=0,
        maximum=256,
    )
    public_url: str | None = setting(
        None,
        "URL under which other systems reach this broker, when it differs from host and port; "
        "used in links and call-back addresses.",
    )
    alias: str = setting(
        "mutsura",
        "Name of this broker among federated brokers (contextSourceAlias, Via header): letters, "
        "digits and hyphens, different for each installation.",
    )
    cors_origins: tuple[str, ...] = setting(
        (),
        "Origins of web pages whose scripts may use the API (`https://map.example`), `*` for all "
        "pages there are.",
    )
    drain_timeout: float = setting(
        10.0,
        "How long a stopping process may finish requests under way.",
        unit="seconds",
        minimum=0,
    )
    keepalive_timeout: float = setting(
        75.0, "How long an idle client connection is kept.", unit="seconds", minimum=1
    )

    @property
    def worker_count(self) -> int:
        """The number of API workers, worked out when it is left to the machine."""
        return self.workers or min(os.cpu_count() or 1, _MOST_WORKERS)


@dataclass(frozen=True, slots=True)
class MongodbSettings:
    """The database."""

    uri: str | None = setting(
        None,
        "Connection string of a MongoDB replica set or sharded cluster. Without it a private "
        "MongoDB server is started in the data directory.",
        secret=True,
    )
    database_prefix: str = setting(
        "mutsura", "Name of the default tenant's database, and how the names of others begin."
    )
    pool_size: int = setting(
        32, "Connections to the database a process may hold.", minimum=2, maximum=1000
    )
    timeout: float = setting(
        10.0, "How long an operation waits for a reachable primary.", unit="seconds", minimum=0.1
    )
    embedded_cache: int = setting(
        512, "Cache of the embedded server.", unit="megabytes", minimum=256
    )
    embedded_oplog: int = setting(
        2048,
        "Operation log of the embedded server: how much may be written while the engine is down "
        "before notifications are missed.",
        unit="megabytes",
        minimum=990,
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one request may ask for. What is beyond is refused with the limit in the answer."""

    body_bytes: int = setting(16 * _MEBIBYTE, "Largest request body.", unit="bytes", minimum=1024)
    json_depth: int = setting(64, "Deepest nesting of a JSON body.", minimum=8, maximum=500)
    url_bytes: int = setting(16_384, "Longest request line.", unit="bytes", minimum=1024)
    batch_size: int = setting(5000, "Most entities in one batch operation.", minimum=1)
    page_size: int = setting(20, "Entities on a page when the client does not say.", minimum=1)
    page_size_max: int = setting(1000, "Most entities on a page.", minimum=1)
    attributes_per_entity: int = setting(1000, "Most attributes of an entity.", minimum=1)
    commit_queue: int = setting(
        10_000, "Writes a process holds before it answers 503 with Retry-After.", minimum=1
    )
    query_time: float = setting(
        30.0, "How long the database may work on one query.", unit="seconds", minimum=0.1
    )


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Indexes the broker builds by itself on what queries ask for (see docs/queries.md)."""

    learned: int = setting(
        20, "Most such indexes of a tenant; 0 builds none.", minimum=0, maximum=50
    )
    uses: int = setting(10, "Queries that have to ask for an attribute first.", minimum=1)
    idle_days: int = setting(
        7, "How long unused before another may take its place.", unit="days", minimum=1
    )


@dataclass(frozen=True, slots=True)
class EntityMapSettings:
    """Entity maps: they hold the result of a query still while it is paged (docs/queries.md)."""

    count: int = setting(
        1000,
        "Most entity maps of a tenant. A new one takes the place of the one that ends soonest.",
        minimum=1,
    )
    entities: int = setting(100_000, "Most entities of one map.", minimum=1, maximum=10_000_000)
    lifetime: float = setting(
        300.0, "How long a map lives when the client does not say.", unit="seconds", minimum=1
    )
    lifetime_max: float = setting(
        3600.0, "Longest a client can have it live.", unit="seconds", minimum=1
    )


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """Snapshots: copies of entities to work on by themselves (docs/snapshots.md)."""

    count: int = setting(
        20,
        "Most snapshots of a tenant; each is a database. A new one takes the place of one of a "
        "lower snapshotPriority, else it is refused.",
        minimum=0,
        maximum=1000,
    )
    entities: int = setting(
        100_000, "Most entities that the queries of one snapshot may find together.", minimum=1
    )
    lifetime: float = setting(
        86_400.0,
        "How long a snapshot lives when the client does not say.",
        unit="seconds",
        minimum=1,
    )
    lifetime_max: float = setting(
        604_800.0, "Longest a client can have it live.", unit="seconds", minimum=1
    )
    at_once: int = setting(2, "Snapshots the engine fills at the same time.", minimum=1)


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """JSON-LD @contexts of users. The core context is built in."""

    preload_directory: Path | None = setting(
        None,
        "Directory of @context files that are known without a fetch; its index.json maps each "
        "URL to a file name.",
    )
    fetch_timeout: float = setting(
        5.0, "How long fetching one @context may take.", unit="seconds", minimum=0.1
    )
    max_bytes: int = setting(
        4 * _MEBIBYTE, "Largest @context document.", unit="bytes", minimum=1024
    )
    max_depth: int = setting(10, "How deep @contexts may refer to others.", minimum=1)
    max_documents: int = setting(50, "Most documents one @context may refer to in all.", minimum=1)
    cache_entries: int = setting(500, "Processed @contexts a process keeps in memory.", minimum=1)
    refresh_after: float = setting(
        86_400.0,
        "Age after which a stored @context is fetched again in the background.",
        unit="seconds",
        minimum=1,
    )


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """Which addresses the broker calls for its users: @contexts, notifications, other brokers."""

    allow_private: bool = setting(False, "Allow addresses of this machine and of private networks.")
    allow: tuple[str, ...] = setting(
        (),
        "Hosts (`sensor.example`, `*.city.example`), addresses or networks (`10.1.0.0/16`) that "
        "are always allowed.",
    )
    proxy: str | None = setting(None, "HTTP proxy for all calls.", secret=True)
    ca_file: Path | None = setting(
        None, "Certificates to trust instead of the system's, as a PEM file."
    )


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Delivery of notifications."""

    timeout: float = setting(
        10.0, "How long a receiver may take to answer.", unit="seconds", minimum=0.1
    )
    retry_first: float = setting(
        1.0,
        "Pause before the first repetition; it doubles each time.",
        unit="seconds",
        minimum=0.01,
    )
    retry_longest: float = setting(
        300.0, "Longest pause between two attempts.", unit="seconds", minimum=0.1
    )
    retention: float = setting(
        72.0,
        "How long notifications for a receiver that does not answer are kept.",
        unit="hours",
        minimum=0,
    )
    queue: int = setting(
        10_000,
        "Notifications for one receiver held in memory; more wait in the database.",
        minimum=1,
    )
    concurrency: int = setting(16, "Notifications under way at once to one receiver.", minimum=1)
    entities: int = setting(
        100,
        "Most entities in one notification, when changes come faster than the receiver takes them. "
        "1 sends every change by itself.",
        minimum=1,
        maximum=1000,
    )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The one process of an installation that matches, notifies and expires."""

    lease: float = setting(
        10.0,
        "How long a standby waits after the last sign of life before it takes over.",
        unit="seconds",
        minimum=1,
    )


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """Logs go to the standard error stream."""

    level: str = setting("info", "What is logged.", choices=("debug", "info", "warning", "error"))
    format: str = setting(
        "auto",
        "Lines of JSON or of text; auto is text on a terminal, else JSON.",
        choices=("auto", "json", "text"),
    )
    access: bool = setting(False, "Log every request.")


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The MQTT broker sensors publish to."""

    url: str | None = setting(
        None,
        "MQTT broker, mqtt://[user:password@]host[:port] or mqtts://. Without it a small broker "
        "for trying things out is started when adapters are configured.",
        secret=True,
    )
    embedded_port: int = setting(
        1883, "Port of the embedded MQTT broker on 127.0.0.1.", minimum=1, maximum=65535
    )


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """The connectors `mutsura serve` runs."""

    file: Path | None = setting(
        None, "File that configures the connectors (YAML or TOML). Without it none are run."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of an installation."""

    data_directory: Path = setting(
        Path("data"), "Directory of the embedded database, its log and the connectors' state."
    )
    server: ServerSettings = field(default_factory=ServerSettings)
    mongodb: MongodbSettings = field(default_factory=MongodbSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    indexes: IndexSettings = field(default_factory=IndexSettings)
    entity_maps: EntityMapSettings = field(default_factory=EntityMapSettings)
    snapshots: SnapshotSettings = field(default_factory=SnapshotSettings)
    contexts: ContextSettings = field(default_factory=ContextSettings)
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    notifications: NotificationSettings = field(default_factory=NotificationSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    adapters: AdapterSettings = field(default_factory=AdapterSettings)
