"""Hypothesis strategies: request bodies with entities and fragments of every kind of attribute."""

from typing import Any

from hypothesis import strategies as st

from broker.model.entity import NULL

NAMES = ("temperature", "name", "Größe", "避難所", "schema:note", "https://example.org/x-y")
DATASETS = (None, "urn:d:1", "urn:d:2")
TIMES = ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.123456Z", "1999-12-31T23:59:59.5Z")

uris = st.integers(0, 9).map(lambda number: f"urn:ngsi-ld:Thing:{number}")
texts = st.text('aZ9 .$%<"湖é\U0001f30a', max_size=4)
scalars = texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
keys = st.text("ab.$%湖", min_size=1, max_size=2)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2)


values = st.recursive(scalars, _containers, max_leaves=4)
raw_json = st.recursive(scalars | st.none(), _containers, max_leaves=4).filter(
    lambda value: isinstance(value, dict | list)
)
longitudes = st.floats(-180, 180) | st.integers(-180, 180)
latitudes = st.floats(-90, 90) | st.integers(-90, 90)
positions = st.tuples(longitudes, latitudes).map(list)
geometries = st.one_of(
    positions.map(lambda position: {"type": "Point", "coordinates": position}),
    st.lists(positions, min_size=2, max_size=4).map(
        lambda line: {"type": "LineString", "coordinates": line}
    ),
    st.lists(positions, min_size=3, max_size=5).map(
        lambda ring: {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    ),
)
language_maps = st.dictionaries(
    st.sampled_from(("en", "ja", "zh-Hant-TW", "@none")),
    texts | st.lists(texts, max_size=2),
    min_size=1,
    max_size=3,
)
words = st.sampled_from(("museum", "shop", "https://example.org/w", "ex:hall"))

_KINDS: dict[str, tuple[str, st.SearchStrategy[Any], tuple[str, ...]]] = {
    "Property": ("value", values, ("unitCode", "valueType")),
    "GeoProperty": ("value", geometries, ()),
    "Relationship": ("object", uris | st.lists(uris, max_size=3), ("objectType",)),
    "LanguageProperty": ("languageMap", language_maps, ()),
    "VocabProperty": ("vocab", words | st.lists(words, min_size=1, max_size=2), ("valueType",)),
    "JsonProperty": ("json", raw_json, ()),
    "ListProperty": ("valueList", st.lists(values, max_size=3), ("unitCode",)),
    "ListRelationship": (
        "objectList",
        st.lists(uris.map(lambda uri: {"object": uri}), max_size=3),
        ("objectType",),
    ),
}
_OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "unitCode": st.sampled_from(("CEL", "MTR")),
    "valueType": words,
    "objectType": words | st.lists(words, min_size=1, max_size=2),
    "observedAt": st.sampled_from(TIMES),
    "expiresAt": st.just("2999-01-01T00:00:00Z"),
}


_CHOICES = {
    kind: st.sampled_from([(), extra, ("observedAt",), (*extra, "observedAt", "expiresAt")])
    for kind, (_, _, extra) in _KINDS.items()
}
_SUB_ATTRIBUTES = st.sampled_from([(), (), NAMES[:1], NAMES[1:2], NAMES[2:4]])
_DATASET_CHOICES = st.sampled_from(
    [(None,), (None,), ("urn:d:1",), (None, "urn:d:1"), ("urn:d:2", None), ("urn:d:1", "urn:d:2")]
)
_NAME_CHOICES = st.sampled_from(
    [(), *((name,) for name in NAMES), NAMES[:2], NAMES[1:3], NAMES[3:5], NAMES[:3], NAMES[3:]]
)


@st.composite
def instances(draw: st.DrawFn, depth: int = 1, dataset_id: str | None = None) -> dict[str, Any]:
    """Draw one attribute instance in the normalized representation."""
    kind = draw(st.sampled_from(tuple(_KINDS)))
    member, drawn, _ = _KINDS[kind]
    instance: dict[str, Any] = {"type": kind, member: draw(drawn)}
    for name in draw(_CHOICES[kind]):
        instance[name] = draw(_OPTIONAL[name])
    if dataset_id is not None:
        instance["datasetId"] = dataset_id
    if depth:
        for name in draw(_SUB_ATTRIBUTES):
            instance[name] = draw(_ATTRIBUTES[depth - 1])
    return instance


@st.composite
def attributes(draw: st.DrawFn, depth: int = 1) -> Any:
    """Draw an attribute: one instance, or several told apart by their datasetId."""
    datasets = draw(_DATASET_CHOICES)
    drawn = [draw(_INSTANCES[depth, dataset_id]) for dataset_id in datasets]
    return drawn[0] if len(drawn) == 1 else drawn


_INSTANCES = {(depth, name): instances(depth, name) for depth in range(3) for name in DATASETS}
_ATTRIBUTES = [attributes(depth) for depth in range(3)]
types = st.sampled_from(("Building", "City", ["Building", "Tower"]))
scopes = st.sampled_from(("/Kobe", ["/Kobe/Nada", "Hyogo"]))


@st.composite
def entities(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the body of a creation, normalized."""
    body: dict[str, Any] = {"id": "urn:ngsi-ld:Building:1", "type": draw(types)}
    if draw(st.booleans()):
        body["scope"] = draw(scopes)
    if draw(st.booleans()):
        body["expiresAt"] = "2999-01-01T00:00:00Z"
    for name in draw(_NAME_CHOICES):
        body[name] = draw(_ATTRIBUTES[1])
    return body


@st.composite
def fragments(draw: st.DrawFn, *, nulls: bool = True) -> dict[str, Any]:
    """Draw the body of an append, update or merge, with NGSI-LD Nulls if wanted."""
    body: dict[str, Any] = {}
    if draw(st.booleans()):
        body["type"] = draw(types)
    if draw(st.booleans()):
        body["scope"] = draw(scopes | st.just(NULL) if nulls else scopes)
    for name in draw(_NAME_CHOICES):
        deleted = nulls and draw(st.booleans())
        body[name] = draw(_deletions) if deleted else draw(_ATTRIBUTES[1])
    return body


_deletions = st.sampled_from(
    (
        NULL,
        {"type": "Property", "value": NULL},
        {"type": "Relationship", "object": NULL, "datasetId": "urn:d:1"},
        [{"type": "Property", "value": NULL}, {"value": NULL, "datasetId": "urn:d:2"}],
    )
)
