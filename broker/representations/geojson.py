"""Entities as GeoJSON features (clauses 4.5.16, 4.5.17, 5.2.29 to 5.2.31)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.model.attributes import GEO_PROPERTY
from broker.model.entity import Entity, Instance, default_instance
from broker.representations.options import RepresentationOptions

LOCATION = "https://uri.etsi.org/ngsi-ld/location"


def as_feature(body: dict[str, Any], geometry: dict[str, Any] | None) -> dict[str, Any]:
    """Return an entity that is written already, and its geometry, as a Feature."""
    properties = dict(body)
    feature = {"id": properties.pop("id")} if "id" in properties else {}
    return {**feature, "type": "Feature", "geometry": geometry, "properties": properties}


def write_feature_collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return features as a FeatureCollection (clause 4.5.16.3)."""
    return {"type": "FeatureCollection", "features": list(features)}


def geometry_of(
    entity: Entity, options: RepresentationOptions, geometry_property: str = LOCATION
) -> dict[str, Any] | None:
    """Return the geometry that stands for the entity, None if it has none (clause 4.5.16.1).

    Of several instances it is the default one; where the request names datasetIds, the default
    one among those, or else the first.
    """
    instances = entity.attributes.get(geometry_property, [])
    chosen: Instance | None
    if options.dataset_ids is None:
        chosen = default_instance(instances)
    else:
        only = RepresentationOptions(dataset_ids=options.dataset_ids)
        named = only.select({geometry_property: instances}).get(geometry_property, [])
        chosen = default_instance(named) or next(iter(named), None)
    if chosen is None or chosen["type"] != GEO_PROPERTY:
        return None
    geometry: dict[str, Any] = chosen["value"]
    return geometry
