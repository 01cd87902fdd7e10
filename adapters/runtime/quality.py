"""The rules every adapter is measured by; none lands without saying how it stands to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from adapters.runtime.errors import Misconfigured
from adapters.runtime.settings import nearest

RULES: Mapping[str, str] = {
    "acknowledges-after-commit": "The source is acknowledged (or its position stored) only after "
    "the broker has committed the entities.",
    "stable-ids": "The same thing has the same entity id at every run.",
    "idempotent": "Records that come again change nothing that is already stored.",
    "reports-every-record": "A record that is not stored is in the report or the dead letters, "
    "with the reason.",
    "validates": "Entities are validated against the schema of their type before they are sent.",
    "pure-mapping": "Mapping records to entities does no input or output.",
    "bounded": "Memory, sizes and times are limited; a slow broker slows the source down.",
    "survives-outage": "Source or broker may be away for any time; nothing is lost and no restart "
    "is needed.",
    "units-and-times": "Numbers carry unitCode and observations observedAt, where they are known.",
    "secrets-hidden": "Passwords and keys come from files or the environment and are never logged.",
    "real-source-tested": "Tests run against a real server of the source's protocol.",
    "documented": "README.md says what it needs, every setting, and how faults show.",
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """How an adapter stands to one rule; `reason` goes with `exempt` and `todo`."""

    rule: str
    status: Literal["done", "exempt", "todo"]
    reason: str = ""


def assess(quality: Mapping[str, Any], *, where: str) -> tuple[Assessment, ...]:
    """Read the `[quality]` table of a manifest; raises `Misconfigured` with every fault."""
    faults = [f"unknown rule {name!r}; {nearest(name, RULES)}" for name in quality.keys() - RULES]
    found = []
    for rule in RULES:
        one = _assessment(rule, quality.get(rule))
        if one is None:
            faults.append(f"{rule}: say \"done\", {{ exempt = 'why' }} or {{ todo = 'what' }}")
        else:
            found.append(one)
    if faults:
        raise Misconfigured("\n".join(f"{where} [quality]: {one}" for one in faults))
    return tuple(found)


def _assessment(rule: str, given: Any) -> Assessment | None:
    if given == "done":
        return Assessment(rule, "done")
    if isinstance(given, Mapping) and len(given) == 1:
        for status in ("exempt", "todo"):
            reason = given.get(status)
            if isinstance(reason, str) and reason.strip():
                return Assessment(rule, status, reason)
    return None
