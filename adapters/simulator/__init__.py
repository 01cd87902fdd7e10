"""Devices that do not exist: publishes plausible measures over MQTT, for demonstrations."""
