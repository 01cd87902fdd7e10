"""Polls of the two mappings that come with the adapter, for the tests beside this file."""

from __future__ import annotations

from pathlib import Path

from adapters.rest.settings import Settings, SourceSettings
from adapters.rest.source import Poller, read_mapping
from adapters.runtime.testing import adapter_context

AMEDAS = read_mapping(Path("jma-amedas"))
GBFS = read_mapping(Path("gbfs"))


def amedas_settings(partner, table, values):
    sources = {
        "latest": SourceSettings(url=f"{partner.url}/latest_time.txt"),
        "table": SourceSettings(url=f"{partner.url}/amedastable.json"),
        "map": SourceSettings(url=partner.url + "/map/{time}.json"),
    }
    partner.documents["/latest_time.txt"] = b"2021-02-24T15:00:00+09:00\n"
    partner.documents["/amedastable.json"] = table
    partner.documents["/map/20210224150000.json"] = values
    return Settings(mapping=Path("jma-amedas"), sources=sources)


def gbfs_settings(partner, information, status):
    sources = {
        "information": SourceSettings(url=f"{partner.url}/station_information.json"),
        "status": SourceSettings(url=f"{partner.url}/station_status.json"),
    }
    partner.documents["/station_information.json"] = information
    partner.documents["/station_status.json"] = status
    return Settings(mapping=Path("gbfs"), sources=sources, every=5, jitter=0)


async def polled(settings, mapping, broker, data, times=(1000.0,)):
    """Poll at the given times in one run of the adapter; return the outcomes of each."""
    async with adapter_context(settings, broker=broker.url, data=data) as context:
        poller = Poller(context, mapping)
        await poller.restore()
        return [await poller.poll(now) for now in times]
