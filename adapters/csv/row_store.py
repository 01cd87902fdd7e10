"""The rows of a file on their way to entities, in a temporary database: none stays in memory.

SQLite keeps a database without a name in its cache while it is small and in a temporary file when
it is not, and deletes it when it is closed. What concerns the file as a whole (which ids it
repeats, which rows nothing tells apart, in which order entities are written) is asked of it.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import orjson

from adapters.csv.cells import Attributes
from adapters.csv.identity import RowKeys

_TABLES: Final = """
CREATE TABLE rows (
    place INTEGER PRIMARY KEY, number INTEGER, type TEXT, municipality TEXT, stated TEXT,
    observed_at TEXT
);
CREATE TABLE blocks (number INTEGER PRIMARY KEY, packed BLOB);
CREATE TABLE keys (place INTEGER PRIMARY KEY, name TEXT, key TEXT, tiebreak TEXT);
CREATE TABLE alike (place INTEGER PRIMARY KEY);
CREATE TABLE repeated (
    municipality TEXT, type TEXT, name TEXT, PRIMARY KEY (municipality, type, name)
) WITHOUT ROWID;
CREATE TABLE entities (
    place INTEGER PRIMARY KEY, id TEXT, observed_at TEXT, derived INTEGER, earlier INTEGER
);
"""
_CACHE: Final = "PRAGMA cache_size = -8000"
_BETWEEN: Final = "\x1f"
_BLOCK_ROWS: Final = 16
"""Attributes are packed together: their names are most of them."""


class StoredRow(NamedTuple):
    """What names a row; `keys` are empty where the id it states names it by itself."""

    place: int
    number: int
    type: str
    municipality: str
    keys: RowKeys
    observed_at: str
    is_repeated: bool = False


class StoredEntity(NamedTuple):
    """An entity by the place of its first row, or of a further one."""

    place: int
    id: str
    observed_at: str
    is_derived: bool


class RowStore:
    """Rows by their place (from 0, in the order they were added), and the entities they make."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute(_CACHE)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.executescript(f"{_TABLES} BEGIN;")
        self._count = 0
        self._open: list[bytes] = []
        self._named: list[tuple[int, int, str, str, str, str]] = []
        self._read: tuple[int, list[bytes]] = (-1, [])

    def __del__(self) -> None:
        self._db.close()

    def __len__(self) -> int:
        return self._count

    def add(self, row: StoredRow, attributes: Attributes) -> None:
        """Keep a row; its place is the number of rows before it."""
        place, number, entity_type, municipality, keys, observed_at, _ = row
        self._open.append(orjson.dumps(attributes))
        self._named.append((place, number, entity_type, municipality, keys.stated, observed_at))
        self._count += 1
        if len(self._open) == _BLOCK_ROWS:
            packed = zlib.compress(b"\n".join(self._open), 1)
            self._db.execute("INSERT INTO blocks VALUES (?, ?)", (place // _BLOCK_ROWS, packed))
            self._open = []
            self._write_named()

    def _write_named(self) -> None:
        self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", self._named)
        self._named = []

    def attributes(self, place: int) -> Attributes:
        """The attributes of a row."""
        number, at = divmod(place, _BLOCK_ROWS)
        attributes: Attributes = orjson.loads(self._block(number)[at])
        return attributes

    def _block(self, number: int) -> list[bytes]:
        if number == self._count // _BLOCK_ROWS:
            return self._open
        if number != self._read[0]:
            found = self._db.execute("SELECT packed FROM blocks WHERE number = ?", (number,))
            self._read = number, zlib.decompress(found.fetchone()[0]).split(b"\n")
        return self._read[1]

    def places_to_be_keyed(self) -> Iterator[int]:
        """Rows an id does not name by itself: they state none, or one that others state too.

        All rows must have been added.
        """
        self._write_named()
        found = self._db.execute(
            "WITH several AS (SELECT municipality, type, stated FROM rows WHERE stated <> '' "
            "GROUP BY municipality, type, stated HAVING count(*) > 1) "
            "SELECT place FROM rows WHERE stated = '' OR municipality = '' "
            "OR (municipality, type, stated) IN (SELECT * FROM several)"
        )
        return (place for (place,) in found)

    def set_keys(self, place: int, keys: RowKeys) -> None:
        """Note what identifies a row besides its id."""
        key, tiebreak = _joined(keys.key), _joined(keys.tiebreak)
        name = f"s{keys.stated}" if keys.stated else f"k{key}"
        self._db.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (place, name, key, tiebreak))

    def places_alike(self) -> Iterator[int]:
        """Rows that share id, key and tie-breakers with others of their kind."""
        self._db.execute(
            "INSERT INTO alike WITH several AS ("
            "SELECT municipality, type, stated, key, tiebreak FROM keys JOIN rows USING (place) "
            "GROUP BY municipality, type, stated, key, tiebreak HAVING count(*) > 1) "
            "SELECT place FROM keys JOIN rows USING (place) JOIN several "
            "USING (municipality, type, stated, key, tiebreak) WHERE stated <> '' OR key <> ''"
        )
        return (place for (place,) in self._db.execute("SELECT place FROM alike ORDER BY place"))

    def add_tiebreak(self, place: int, further: tuple[str, ...]) -> None:
        """Add texts to what tells a row from those it shares its key with."""
        self._db.execute(
            "UPDATE keys SET tiebreak = tiebreak || ? WHERE place = ?", (_joined(further), place)
        )

    def find_repeated(self) -> None:
        """Find the names that different things of one municipality and type have."""
        self._db.execute(
            "INSERT INTO repeated SELECT municipality, type, name FROM keys JOIN rows USING (place)"
            " GROUP BY municipality, type, name"
            " HAVING count(DISTINCT key || char(31, 31) || tiebreak) > 1"
        )

    def rows(self) -> Iterator[StoredRow]:
        """All rows in the order of the file, with what names them."""
        found = self._db.execute(
            "SELECT place, number, type, municipality, stated, key, tiebreak, observed_at, "
            "EXISTS (SELECT 1 FROM repeated WHERE repeated.municipality = rows.municipality "
            "AND repeated.type = rows.type AND repeated.name = keys.name) "
            "FROM rows LEFT JOIN keys USING (place) ORDER BY place"
        )
        for place, number, kind, municipality, *texts, observed_at, is_repeated in found:
            stated, key, tiebreak = texts
            keys = RowKeys(stated, _split(key), _split(tiebreak))
            yield StoredRow(place, number, kind, municipality, keys, observed_at, bool(is_repeated))

    def add_entities(self, named: Iterable[StoredEntity]) -> None:
        """Keep the names of rows, and find those that have the name and time of another."""
        self._db.executemany("INSERT INTO entities VALUES (?, ?, ?, ?, NULL)", named)
        self._db.execute("CREATE INDEX entities_by_id ON entities (id, observed_at)")
        self._db.execute(
            "UPDATE entities SET earlier = several.first FROM ("
            "SELECT id, observed_at, min(place) AS first FROM entities "
            "GROUP BY id, observed_at HAVING count(*) > 1) AS several "
            "WHERE entities.id = several.id AND entities.observed_at = several.observed_at "
            "AND place > several.first"
        )
        self._db.execute("CREATE INDEX members ON entities (earlier) WHERE earlier IS NOT NULL")

    def repetitions(self) -> Iterator[tuple[StoredEntity, int]]:
        """Rows that have the name and time of an earlier one, and the place of that one."""
        found = self._db.execute(
            "SELECT place, id, observed_at, derived, earlier FROM entities "
            "WHERE earlier IS NOT NULL ORDER BY place"
        )
        return (
            (StoredEntity(place, name, observed_at, bool(derived)), earlier)
            for place, name, observed_at, derived, earlier in found
        )

    def members(self, entity: int) -> list[int]:
        """Places of the further rows of an entity."""
        found = self._db.execute(
            "SELECT place FROM entities WHERE earlier = ? ORDER BY place", (entity,)
        )
        return [place for (place,) in found]

    def types(self) -> dict[str, int]:
        """How many entities of each type there are, in the order of the file."""
        found = self._db.execute(
            "SELECT type, count(*) FROM entities JOIN rows USING (place) WHERE earlier IS NULL "
            "GROUP BY type ORDER BY min(place)"
        )
        return dict(found.fetchall())

    def count_derived(self) -> int:
        """How many entities have an id that no row states."""
        found = self._db.execute(
            "SELECT count(*) FROM entities WHERE earlier IS NULL AND derived"
        ).fetchone()
        return int(found[0])

    def entities(self, *, by_time: bool) -> Iterator[tuple[StoredEntity, int, str]]:
        """All entities as the file has them, or by the time of observation.

        With each come the number of its first row in the spreadsheet and its type.
        """
        entities = (
            "SELECT place, id, entities.observed_at, derived, number, type "
            "FROM entities JOIN rows USING (place) WHERE earlier IS NULL "
        )
        order = "ORDER BY entities.observed_at, place" if by_time else "ORDER BY place"
        for place, name, observed_at, derived, number, kind in self._db.execute(entities + order):
            yield StoredEntity(place, name, observed_at, bool(derived)), number, kind

    def row(self, place: int) -> tuple[int, str]:
        """The number of a row in the spreadsheet and its entity type."""
        found = self._db.execute("SELECT number, type FROM rows WHERE place = ?", (place,))
        number, entity_type = found.fetchone()
        return number, entity_type

    def has_entity(self, identifier: str) -> bool:
        """Whether an entity of this id is among them."""
        found = self._db.execute("SELECT 1 FROM entities WHERE id = ? LIMIT 1", (identifier,))
        return found.fetchone() is not None


def _joined(parts: tuple[str, ...]) -> str:
    """Texts as one, each begun by a mark, so that those of two tuples can be put together."""
    return "".join(f"{_BETWEEN}{part}" for part in parts)


def _split(joined: str | None) -> tuple[str, ...]:
    return tuple(joined[1:].split(_BETWEEN)) if joined else ()
