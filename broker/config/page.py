"""The list of settings for people: docs/settings.md and `mutsura settings`."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator

from broker.config.field import Declared, as_text, declared_in
from broker.config.settings import Settings

_INTRODUCTION = """\
# Settings

Written by `make docs` from `broker/config/settings.py`.

A setting comes from the environment (its variable) or from a settings file that
`--config FILE` or `MUTSURA_CONFIG` names, in TOML or YAML, one table a group:

    [server]
    port = 8026

    [limits]
    page_size = 50

The environment wins over the file. A name that does not exist and a value of the wrong type are
errors. `mutsura check-config` prints the effective values.
"""


def settings_page() -> str:
    """Return the page in Markdown."""
    lines = [_INTRODUCTION]
    for title, purpose, members in _groups():
        lines += [f"## {title}", purpose, "", "| setting | default | meaning |", "|---|---|---|"]
        lines += [_row(one) for one in members]
        lines.append("")
    return "\n".join(lines)


def _groups() -> Iterator[tuple[str, str, list[Declared]]]:
    hints = typing.get_type_hints(Settings)
    declared = list(declared_in(Settings))
    yield "Top level", "Stands outside the groups of a file.", [o for o in declared if not o.group]
    for field in dataclasses.fields(Settings):
        members = [one for one in declared if one.group == field.name]
        if members:
            yield field.name, (hints[field.name].__doc__ or "").strip(), members


def _row(one: Declared) -> str:
    default = f"`{as_text(one.default)}`" if as_text(one.default) else "none"
    kind = one.type_name[0].upper() + one.type_name[1:]
    return f"| `{one.name}`<br>`{one.variable}` | {default} | {one.doc.help} {kind}. |"
