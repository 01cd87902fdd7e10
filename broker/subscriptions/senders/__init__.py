"""One module a transport of notifications."""
