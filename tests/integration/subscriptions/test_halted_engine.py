"""An engine that was halted, and replaced meanwhile, keeps nothing that nobody would look for."""

from __future__ import annotations

from time import monotonic

from broker.model.clock import system_clock
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.deliveries import Deliveries
from broker.subscriptions.delivery_tools import DeliveryLimits, DeliveryTools
from broker.subscriptions.lane import Item
from broker.subscriptions.senders.sender import SenderByScheme
from tests.integration.subscriptions.city import City
from tests.subscriptions import compiled


async def test_what_waits_is_kept_by_who_leads_only(town: City) -> None:
    one = compiled()
    answers = iter([False, True])
    deliveries = Deliveries(
        DeliveryTools(
            sender=SenderByScheme({}),
            outbox=town.outbox,
            counters=DeliveryCounters(town.records),
            find=lambda _tenant, _id: None,
            is_leading=lambda: next(answers),
            clock=system_clock,
            monotonic=monotonic,
        ),
        DeliveryLimits(),
    )
    await town.tenants.ensure("")
    deliveries.offer(one, Item("urn:ngsi-ld:Sensor:1", 1, "1", one.profile, b"{}"))
    await deliveries.keep_all()
    assert await town.outbox.waiting() == {}
    await deliveries.keep_all()
    assert await town.outbox.waiting() == {one.key: 1}
