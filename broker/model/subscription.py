"""Subscriptions as the broker holds them (clauses 5.2.12 to 5.2.15, 5.2.22): names expanded.

The `definition` of a subscription is the JSON object the client gave, reduced to the members of
Table 5.2.12-1, with every name expanded; only `q`, `csf`, `expandValues` and `jsonKeys` stay as
they were written and are read under `query_context`. `Subscription` is the one value that travels:
stored, cached by the matcher, and presented under whatever @context a client asks with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from broker.model.datetimes import canonical_time
from broker.model.spaces import tenant_of

Trigger = Literal[
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
]
Status = Literal["active", "paused", "expired"]
Format = Literal["normalized", "concise", "simplified"]

TRIGGERS: tuple[Trigger, ...] = (
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
)
DEFAULT_TRIGGERS: tuple[Trigger, ...] = ("attributeCreated", "attributeUpdated")

KeyValues = tuple[tuple[str, str], ...]
SubscriptionKey: TypeAlias = tuple[str, str]
"""What tells a subscription from all others: its `tenant` and its id."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where notifications go (clause 5.2.15); `timeout` and `cooldown` are in seconds."""

    uri: str
    accept: str = "application/json"
    timeout: float | None = None
    cooldown: float | None = None
    receiver_info: KeyValues = ()
    notifier_info: KeyValues = ()

    @property
    def scheme(self) -> str:
        """The protocol that carries the notification: http, https, mqtt or mqtts."""
        return self.uri.partition(":")[0].lower()

    def receiver(self, key: str) -> str | None:
        """Return the value of a key of receiverInfo, whatever its case."""
        for name, value in self.receiver_info:
            if name.lower() == key.lower():
                return value
        return None


@dataclass(frozen=True, slots=True)
class NotificationParams:
    """What notifications look like (clause 5.2.14); names are expanded."""

    endpoint: Endpoint
    format: Format = "normalized"
    attributes: tuple[str, ...] = ()
    pick: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    join: Literal["flat", "inline"] | None = None
    join_level: int = 1
    shows_changes: bool = False
    has_system_attributes: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription of one tenant; `tenant` is the space it is about, in a snapshot one as well.
    Then `snapshot` is the identifier of the snapshot.

    `context` is the @context it was created under (the value a request gives as `@context`, None
    for the Core @context alone), `query_context` the one `q` is to be read with. `version` grows
    with each update.
    """

    id: str
    tenant: str
    definition: Mapping[str, Any]
    context: Any = None
    query_context: Any = None
    created_at: str = ""
    modified_at: str = ""
    version: int = 1
    snapshot: str | None = None
    notification: NotificationParams = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "notification", _notification(self.definition["notification"]))

    def evolve(self, **changes: Any) -> Subscription:
        """Return a copy with some members replaced."""
        return replace(self, **changes)

    @property
    def key(self) -> SubscriptionKey:
        """What tells it from all others."""
        return self.tenant, self.id

    @property
    def owner(self) -> str:
        """The tenant itself."""
        return tenant_of(self.tenant)

    @property
    def notification_context(self) -> Any:
        """The @context notifications are written under (clause 5.8.6)."""
        return self.definition.get("jsonldContext", self.context)

    @property
    def triggers(self) -> frozenset[str]:
        """The notification triggers, `entityUpdated` replaced by what it stands for."""
        given = set(self.definition.get("notificationTrigger", DEFAULT_TRIGGERS))
        if "entityUpdated" in given:
            given.discard("entityUpdated")
            given.update(("attributeCreated", "attributeUpdated", "attributeDeleted"))
        return frozenset(given)

    @property
    def watched_attributes(self) -> frozenset[str]:
        """The expanded names whose change triggers; empty: all of them."""
        return frozenset(self.definition.get("watchedAttributes", ()))

    @property
    def throttling(self) -> float:
        """The seconds between two notifications, 0 for none."""
        return float(self.definition.get("throttling", 0))

    @property
    def time_interval(self) -> float | None:
        """The period in seconds of a periodic subscription."""
        interval = self.definition.get("timeInterval")
        return None if interval is None else float(interval)

    def status(self, now: str) -> Status:
        """Return the status at a time in the fixed-width form (Table 5.2.12-2)."""
        expires_at = self.definition.get("expiresAt")
        if expires_at is not None and (canonical_time(expires_at) or now) <= now:
            return "expired"
        return "active" if self.definition.get("isActive", True) else "paused"


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What became of a subscription's notifications (clause 5.2.14.2).

    `last_error` says why the last attempt failed, `discarded` how many notifications were given
    up; the standard has no members for these.
    """

    times_sent: int = 0
    times_failed: int = 0
    last_notification: str | None = None
    last_success: str | None = None
    last_failure: str | None = None
    last_error: str | None = None
    discarded: int = 0

    @property
    def status(self) -> Literal["ok", "failed"] | None:
        """`ok` or `failed` after the last attempt, None before the first."""
        if self.last_notification is None:
            return None
        if self.last_failure is None:
            return "ok"
        return "ok" if (self.last_success or "") > self.last_failure else "failed"


def _notification(definition: Mapping[str, Any]) -> NotificationParams:
    format_ = definition.get("format", "normalized")
    join = definition.get("join")
    return NotificationParams(
        endpoint=_endpoint(definition["endpoint"]),
        format="simplified" if format_ == "keyValues" else format_,
        attributes=tuple(definition.get("attributes", ())),
        pick=tuple(definition.get("pick", ())),
        omit=tuple(definition.get("omit", ())),
        join=None if join == "@none" else join,
        join_level=definition.get("joinLevel", 1),
        shows_changes=definition.get("showChanges", False),
        has_system_attributes=definition.get("sysAttrs", False),
    )


def _endpoint(definition: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        uri=definition["uri"],
        accept=definition.get("accept", "application/json"),
        timeout=_seconds(definition.get("timeout")),
        cooldown=_seconds(definition.get("cooldown")),
        receiver_info=_pairs(definition.get("receiverInfo", ())),
        notifier_info=_pairs(definition.get("notifierInfo", ())),
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _pairs(pairs: Any) -> KeyValues:
    return tuple((pair["key"], pair["value"]) for pair in pairs)
