"""The processes of one node, started in order, kept running, and stopped in order."""

from broker.supervisor.node import Node

__all__ = ["Node"]
