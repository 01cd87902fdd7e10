"""The list of settings for people: docs/settings.md and `mutsura settings`."""

from __future__ import annotations

import dataclasses
import textwrap
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

The environment wins over the file. Paths in a file are relative to it. A name that does not exist
and a value of the wrong type are errors. `mutsura check-config` prints the effective values.
"""


def settings_page(*, plain: bool = False) -> str:
    """Return the page in Markdown, or `plain` for a terminal."""
    if plain:
        return "\n".join(_paragraph(one) for one in declared_in(Settings))
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
    about = f"{one.doc.help} {_sentence(one.type_name)}"
    return f"| `{one.name}`<br>`{one.variable}` | {default} | {about} |"


def _paragraph(one: Declared) -> str:
    about = textwrap.fill(
        f"{one.doc.help} {_sentence(one.type_name)}",
        width=88,
        initial_indent="    ",
        subsequent_indent="    ",
    )
    return f"{one.variable} (in a file: {one.key}) = {as_text(one.default) or '(none)'}\n{about}\n"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
