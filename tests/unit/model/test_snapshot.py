"""Statuses of snapshots (clause 5.16.1.4) and the names of their spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.errors import BadRequestData
from broker.model.snapshot import ExecutionDetails, status_of
from broker.model.spaces import is_snapshot, key_of, snapshot_space, tenant_of
from broker.storage.mongo.connection import Databases

TENANTS = st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_.:-]{1,12}", fullmatch=True))
KEYS = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ("s", "success"),
        ("ss", "success"),
        ("se", "partial"),
        ("sf", "partial"),
        ("sef", "partial"),
        ("e", "empty"),
        ("ef", "empty"),
        ("f", "failure"),
        ("ff", "failure"),
        ("", "failure"),
    ],
)
def test_the_results_of_the_queries_make_the_status(results, status):
    names = {"s": "success", "e": "empty", "f": "failure"}
    assert status_of(ExecutionDetails(names[result]) for result in results) == status


@given(TENANTS, KEYS)
def test_a_space_tells_its_tenant_and_its_key(tenant, key):
    space = snapshot_space(tenant, key)
    assert (tenant_of(space), key_of(space)) == (tenant, key)
    assert is_snapshot(space)
    assert (tenant_of(tenant), key_of(tenant), is_snapshot(tenant)) == (tenant, "", False)


@given(TENANTS, st.one_of(st.none(), KEYS))
def test_the_name_of_a_database_tells_the_space(tenant, key):
    databases = Databases(None, prefix="mutsura")
    space = tenant if key is None else snapshot_space(tenant, key)
    name = databases.name_of(space)
    assert databases.tenant_of(name) == space
    assert name == name.lower()
    assert not set(name) & set('.:/\\ "$*<>|?')  # what MongoDB refuses, on Windows too


@pytest.mark.parametrize(
    "space", ["a~", "~x", "a~0123456789AB", "a~0123456789ab~", "a b", "T" * 40]
)
def test_what_can_be_no_space_is_refused(space):
    with pytest.raises(BadRequestData):
        Databases(None, prefix="mutsura").name_of(space)


def test_names_of_spaces_of_different_tenants_differ():
    databases = Databases(None, prefix="m")
    assert databases.name_of("~0123456789ab") == "m-~0123456789ab"
    assert databases.name_of("city~0123456789ab") == "m-city~0123456789ab"
    assert databases.tenant_of("m_system") is None
