"""The settings of the MQTT adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from adapters.mqtt import families
from adapters.mqtt.connection import ServerOptions
from adapters.mqtt.topics import FORMATS, IOT_AGENT_RULES, PLACEHOLDERS, TopicRule
from adapters.runtime.errors import Misconfigured
from adapters.runtime.settings import Seconds, Secret, nearest, setting

SCHEMES = {"mqtt": (1883, False), "mqtts": (8883, True)}
GROUP_RESOURCE = "/iot/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """Topics of devices that speak no protocol known here by name."""

    pattern: str = setting(
        help="topic; a level may be {device}, {apikey}, {name}, {event} (the last one: all that "
        "follows) or +"
    )
    format: str = setting(help=f"how payloads are read: {', '.join(FORMATS)}")
    apikey: str = setting("", help="apikey of the devices' group, where the topic has none")
    resource: str = setting(GROUP_RESOURCE, help="resource of the devices' group")
    device: str = setting(
        "", help="device id, or $.member of the payload that holds it, where the topic has none"
    )
    name: str = setting("", help="name of the value of a payload that is one bare value")
    time: list[str] = setting([], help="members that may hold the time of the measure")
    columns: list[str] = setting([], help="names of the columns of a line; - leaves one out")
    separator: str = setting(",", help="what separates columns")

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(
                f"format {self.format!r} is not known; {nearest(self.format, FORMATS)}"
            )
        for level in self.pattern.split("/"):
            if level[:1] == "{" and level[1:-1] not in PLACEHOLDERS:
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ValueError(f"pattern {self.pattern!r}: {level} is none of {known}")
        if self.format == "columns" and not self.columns:
            raise ValueError("format columns needs the names of the columns")
        if not (self.apikey or "{apikey}" in self.pattern):
            raise ValueError("apikey is missing: it names the group that maps the values")

    def rule(self) -> TopicRule:
        """Return the rule."""
        return TopicRule(
            self.pattern,
            self.format,
            self.resource,
            apikey=self.apikey,
            device=self.device,
            name=self.name,
            time=tuple(self.time),
            columns=tuple(self.columns),
            separator=self.separator,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Address of an HTTP port."""

    host: str = setting("127.0.0.1", help="address to listen on")
    port: int = setting(help="port to listen on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where messages come from, how they are read, and where devices are provisioned."""

    url: str = setting("mqtt://127.0.0.1:1883", help="MQTT server; mqtts:// for TLS")
    client_id: str = setting(
        "mutsura", help="client id; names the session on the server, so keep it and use it once"
    )
    protocol: Literal["3.1.1", "5"] = setting("3.1.1", help="version of MQTT")
    username: str | None = setting(None, help="user on the MQTT server")
    password: Secret | None = setting(None, help="password of the user")
    password_file: Path | None = setting(None, help="file that holds the password instead")
    ca_file: Path | None = setting(None, help="certificates to trust, where not the system's")
    certificate_file: Path | None = setting(None, help="client certificate (PEM)")
    key_file: Path | None = setting(None, help="key of the client certificate (PEM)")
    keepalive: int = setting(30, help="seconds after which a silent connection is questioned")
    share: str | None = setting(
        None, help="name of a shared subscription, when several adapters share the load"
    )
    window: int = setting(
        1000, help="messages under way at a time; with MQTT 5 the server is told this number"
    )
    iot_agent: bool = setting(
        True, help="listen to the IoT Agents' topics (/json/…, /ul/…, and without prefix)"
    )
    families: list[str] = setting(
        [], help=f"device families to listen to: {', '.join(families.names())}"
    )
    timezone: str = setting(
        "Asia/Tokyo", help="time zone of times without an offset, for devices of the families"
    )
    topics: list[TopicSettings] = setting([], help="further topics")
    groups: list[Any] = setting(
        [], help="groups, as in POST /iot/groups, with service and subservice in each"
    )
    devices: list[Any] = setting(
        [], help="devices, as in POST /iot/devices, with service and service_path in each"
    )
    service: str = setting("", help="service of families, groups and devices that name none")
    tenants: dict[str, str] = setting(
        {}, help="services whose tenant has another name; an empty name is the broker's default"
    )
    provisioning: Listen | None = setting(None, help="serve the provisioning API (usually 4041)")
    measures: Listen | None = setting(None, help="take measures over HTTP as well (usually 7896)")
    remember: Seconds = setting(
        86_400.0,
        help="how long a repeated uplink is recognised",
    )

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError(f"url {self.url!r} should be mqtt://host:port or mqtts://host:port")
        if not self.client_id:
            raise ValueError("client_id is empty; the session needs a name that stays")
        if not 1 <= self.window <= 65_535:
            raise ValueError("window should be between 1 and 65535")
        if not 1 <= self.keepalive <= 65_535:
            raise ValueError("keepalive should be between 1 and 65535 seconds")
        for name in self.families:
            if name not in families.names():
                hint = nearest(name, families.names())
                raise ValueError(f"there is no family {name!r}; {hint}")

    def rules(self) -> tuple[TopicRule, ...]:
        """Return all topic rules, the operator's own first."""
        own = tuple(topic.rule() for topic in self.topics)
        agents = IOT_AGENT_RULES if self.iot_agent else ()
        return (*own, *families.rules(self.families), *agents)

    def filters(self) -> list[str]:
        """Return the topic filters to subscribe to."""
        prefix = f"$share/{self.share}/" if self.share else ""
        return [prefix + one for one in dict.fromkeys(rule.filter() for rule in self.rules())]

    def server(self) -> ServerOptions:
        """Return where and how to connect; reads the password file.

        Raises `Misconfigured` when the file cannot be read.
        """
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        port, tls = SCHEMES[parts.scheme]
        return ServerOptions(
            host=parts.hostname,
            port=parts.port or port,
            client_id=self.client_id,
            protocol=self.protocol,
            username=self.username or (unquote(parts.username) if parts.username else None),
            password=self._password() or (unquote(parts.password) if parts.password else None),
            tls=tls,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
            keepalive=self.keepalive,
            window=self.window,
        )

    def _password(self) -> str | None:
        if self.password_file is None:
            return self.password
        try:
            return self.password_file.read_text("utf-8").strip()
        except OSError as error:
            raise Misconfigured(f"cannot read {self.password_file}: {error.strerror}") from error
