"""The only way out over HTTP: session, address guard, circuit breaker."""
