"""Where settings come from, and what is said about mistakes in them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from broker.config import ConfigurationError, Settings, as_environment, load_settings
from broker.config.field import declared_in, masked
from broker.config.load import effective, shown


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.server.port == 1026
    assert settings.server.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mutsura.toml", '[server]\nport = 8026\n[outbound]\nallow = ["a.example", "10.0.0.0/8"]'),
        ("mutsura.yaml", "server:\n  port: 8026\noutbound:\n  allow: [a.example, 10.0.0.0/8]"),
    ],
)
def test_a_file_sets_typed_values(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    settings = load_settings({"MUTSURA_CONFIG": str(tmp_path / name)})
    assert settings.server.port == 8026
    assert settings.outbound.allow == ("a.example", "10.0.0.0/8")


def test_overrides_win_over_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mutsura.toml"
    file.write_text("[server]\nport = 1\nworkers = 1\ndrain_timeout = 1.0")
    environment = {"MUTSURA_SERVER_PORT": "2", "MUTSURA_SERVER_WORKERS": "2"}
    settings = load_settings(environment, file=file, overrides={"server.port": "3"})
    assert settings.server.port == 3
    assert settings.server.workers == 2
    assert settings.server.drain_timeout == 1.0


@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        ("MUTSURA_SERVER_PRT", "1", "no environment variable MUTSURA_SERVER_PRT; the nearest is"),
        ("MUTSURA_PORT", "1", "the nearest is MUTSURA_SERVER_PORT"),
        ("MUTSURA_SERVER_PORT", "http", "server.port must be a whole number, found 'http'"),
        ("MUTSURA_SERVER_PORT", "70000", "server.port must be from 0 to 65535, found 70000"),
        ("MUTSURA_LIMITS_BATCH_SIZE", "0", "limits.batch_size must be at least 1, found 0"),
        ("MUTSURA_OUTBOUND_ALLOW_PRIVATE", "maybe", "must be true or false, found 'maybe'"),
        ("MUTSURA_LOGGING_LEVEL", "loud", "must be debug or info or warning or error"),
        ("MUTSURA_NOTIFICATIONS_TIMEOUT", "nan", "must be a number, seconds, found 'nan'"),
        ("MUTSURA_NOTIFICATIONS_TIMEOUT", "", "notifications.timeout must be a number, seconds"),
        ("MUTSURA_MONGODB_URI", "localhost:27017", "must begin with mongodb://"),
        ("MUTSURA_MQTT_URL", "tcp://h", "mqtt.url must begin with mqtt:// or mqtts://"),
        ("MUTSURA_MQTT_URL", "mqtt://h:port", "mqtt.url must be like mqtt://HOST or mqtt://HOST:"),
        ("MUTSURA_MQTT_URL", "mqtt://h:70000", "must be like mqtt://HOST or mqtt://HOST:PORT"),
        ("MUTSURA_MQTT_URL", "mqtt://u:p@:1883", r"found 'mqtt://u:\*\*\*@:1883'"),
        ("MUTSURA_OUTBOUND_PROXY", "proxy:3128", "outbound.proxy must begin with http:// or"),
        ("MUTSURA_SERVER_ALIAS", "town hall", "server.alias must be letters, digits and hyphens"),
        ("MUTSURA_SERVER_CORS_ORIGINS", "map.example", "must be like https://map.example or *"),
        ("MUTSURA_SERVER_CORS_ORIGINS", "https://a.example,https://b.example/", "'https://b.ex"),
        ("MUTSURA_MONGODB_DATABASE_PREFIX", "a.b", "must be 1 to 30 letters, digits, - or _"),
        ("MUTSURA_SERVER_PUBLIC_URL", "city.example", "must begin with http:// or https://"),
        ("MUTSURA_LIMITS_PAGE_SIZE", "2000", r"must not be larger than limits.page_size_max"),
    ],
)
def test_a_mistake_in_the_environment_is_named(variable: str, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings({variable: text})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[server]\nprot = 1", r"no setting server.prot in .*the nearest is server.port"),
        ("[sever]\nport = 1", "no setting sever in"),
        ("[server]\nport = true", "server.port must be a whole number, found True"),
        ("[server]\nport = 1.5", "server.port must be a whole number, found 1.5"),
        ("[server]\nhost = 5", "server.host must be text, found 5"),
        ("[outbound]\nallow_private = 1", "allow_private must be true or false, found 1"),
        ("[server\nport = 1", "is not valid"),
        ("server = 5", "server in .* must be a group of settings, found 5"),
        ("[limit]\npage_size = 5", "no setting limit in .*; the nearest is limits"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "mutsura.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings({}, file=file)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"server: [1,2\n", r"is not valid: expected ',' or '\]', .* \(at line 2, column 1\)"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_told_in_one_line(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "mutsura.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_settings({}, file=file)
    assert all("\n" not in problem for problem in caught.value.problems)


def test_an_empty_group_is_none(tmp_path: Path) -> None:
    file = tmp_path / "mutsura.yaml"
    file.write_text("server:\n")
    assert load_settings({}, file=file) == Settings()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://h1,h2/?replicaSet=rs0", "mongodb://h1,h2/?replicaSet=rs0"),
        ("mongodb://me@h:27017/", "mongodb://me@h:27017/"),
        ("mongodb://me:se/cr@et@h1,h2/", "mongodb://me:***@h1,h2/"),
        ("me:secret@h", "me:***@h"),
        ("mqtt://me:secret@[::1", "mqtt://me:***@[::1"),
    ],
)
def test_no_part_of_a_password_is_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "mutsura.toml"
    file.write_text('data_directory = "here"\n[adapters]\nfile = "/there/city.yaml"')
    settings = load_settings({}, file=file)
    assert settings.data_directory == tmp_path / "here"
    assert settings.adapters.file == Path("/there/city.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml cannot be read: No such file"):
        load_settings({}, file=tmp_path / "none.toml")


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"MUTSURA_SERVER_PORT": "x", "MUTSURA_NOTHING": "1"})
    assert len(caught.value.problems) == 2


def test_variables_of_the_tests_and_adapters_are_left_alone() -> None:
    assert load_settings({"MUTSURA_TEST_LONG": "1", "MUTSURA_ADAPTER_KEY": "k"}) == Settings()


def test_children_load_the_same_settings_from_their_environment() -> None:
    given = {
        "MUTSURA_OUTBOUND_ALLOW": "a.example, 10.0.0.0/8",
        "MUTSURA_MONGODB_URI": "mongodb://u:p@h/?replicaSet=rs0",
        "MUTSURA_LOGGING_ACCESS": "yes",
        "MUTSURA_NOTIFICATIONS_RETENTION": "0.5",
        "MUTSURA_ADAPTERS_FILE": "city.yaml",
    }
    settings = load_settings(given)
    assert load_settings(as_environment(settings)) == settings


def test_passwords_are_not_shown() -> None:
    secret = "mongodb://user:hidden@one:1,two:2/?replicaSet=rs0"
    settings = load_settings(
        {"MUTSURA_MONGODB_URI": secret, "MUTSURA_MQTT_URL": "mqtt://u:hidden@h"}
    )
    text = "\n".join(shown(one, value) for one, value in effective(settings))
    assert "hidden" not in text
    assert "mongodb://user:***@one:1,two:2/?replicaSet=rs0" in text


def test_every_setting_says_what_it_is_for() -> None:
    for one in declared_in(Settings):
        assert one.doc.help.endswith("."), one.key
        assert len(one.doc.help) > 10, one.key


def test_settings_are_values() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().server.port = 1  # type: ignore[misc]
