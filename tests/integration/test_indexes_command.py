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


def test_without_a_database_it_says_what_to_do(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MUTSURA_MONGODB_URI", raising=False)
    assert main(["indexes", "--data", str(tmp_path)]) == 78
    assert "mutsura serve" in capsys.readouterr().err
