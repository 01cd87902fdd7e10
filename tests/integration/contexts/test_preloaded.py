from __future__ import annotations

import orjson
import pytest

from broker.config import ConfigurationError
from broker.contexts.preloaded import load_preloaded

URL = "https://example.org/context.jsonld"


def write(path, value):
    path.write_bytes(value if isinstance(value, bytes) else orjson.dumps(value))
    return path


def test_files_are_read_by_their_index(tmp_path):
    write(tmp_path / "index.json", {URL: "c.jsonld"})
    write(tmp_path / "c.jsonld", {"@context": {"a": "urn:a:a"}, "beside": 1})
    assert load_preloaded(directory=tmp_path)[URL] == '{"@context":{"a":"urn:a:a"}}'


def test_a_single_file_wins_over_the_directory(tmp_path):
    write(tmp_path / "index.json", {URL: "c.jsonld"})
    write(tmp_path / "c.jsonld", {"@context": {}})
    other = write(tmp_path / "other.jsonld", {"@context": {"b": "urn:b:b"}})
    assert load_preloaded({URL: other}, tmp_path)[URL] == '{"@context":{"b":"urn:b:b"}}'


@pytest.mark.parametrize(
    ("index", "document", "words"),
    [
        (None, None, "cannot be read"),
        (b"{", None, "cannot be read"),
        ([URL], None, "from URL to file name"),
        ({URL: 7}, None, "from URL to file name"),
        ({URL: "c.jsonld"}, None, "cannot be preloaded"),
        ({"urn:a:b": "c.jsonld"}, {"@context": {}}, "not an http"),
        ({URL: "c.jsonld"}, b"<html>", "not valid JSON"),
        ({URL: "c.jsonld"}, {"a": 1}, "member @context"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path, index, document, words):
    if index is not None:
        write(tmp_path / "index.json", index)
    if document is not None:
        write(tmp_path / "c.jsonld", document)
    with pytest.raises(ConfigurationError, match=words) as raised:
        load_preloaded(directory=tmp_path)
    assert str(tmp_path) in str(raised.value)
