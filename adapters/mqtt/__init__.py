"""Sensors over MQTT: IoT Agent JSON and UltraLight, LoRaWAN servers, and plain topics."""
