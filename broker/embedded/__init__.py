"""A private mongod and MQTT broker for the start without configuration."""
