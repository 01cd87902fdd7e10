"""`mutsura indexes` on a real database."""

import pytest

from broker.cli import main

IRI = "https://e.org/size"


@pytest.fixture
def indexes(mongodb_uri, database_prefix, monkeypatch, capsys):
    monkeypatch.setenv("MUTSURA_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MUTSURA_MONGODB_DATABASE_PREFIX", database_prefix)

    def run(*arguments):
        code = main(["indexes", *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_an_operator_lists_builds_and_drops_indexes(indexes):
    assert indexes() == (0, "no entities, no indexes\n", "")
    code, listed, _ = indexes("--build", IRI)
    assert code == 0
    (line,) = [line for line in listed.splitlines() if line.endswith(IRI)]
    name = line.split()[0]
    code, listed, _ = indexes("--drop", name)
    assert code == 0
    assert IRI not in listed
    code, _, complaint = indexes("--drop", name)
    assert code == 1
    assert name in complaint


def test_a_mistyped_tenant_is_not_made(indexes):
    code, listed, complaint = indexes("--tenant", "yaizo", "--build", IRI)
    assert (code, listed) == (1, "")
    assert "there is no tenant 'yaizo'" in complaint
    assert indexes("--tenant", "yaizo")[0] == 1


def test_without_a_database_it_says_what_to_do(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MUTSURA_MONGODB_URI", raising=False)
    assert main(["indexes", "--data", str(tmp_path)]) == 78
    assert "mutsura serve" in capsys.readouterr().err


def test_a_database_that_is_away_is_named(monkeypatch, capsys, unused_tcp_port):
    uri = f"mongodb://me:secret@127.0.0.1:{unused_tcp_port}/?replicaSet=rs0"
    monkeypatch.setenv("MUTSURA_MONGODB_URI", uri)
    monkeypatch.setenv("MUTSURA_MONGODB_TIMEOUT", "0.2")
    assert main(["indexes"]) == 1
    told = capsys.readouterr().err
    assert f"no answer from mongodb://me:***@127.0.0.1:{unused_tcp_port}/" in told
