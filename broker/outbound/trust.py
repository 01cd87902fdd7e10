"""Whose certificates the broker believes when it calls other systems by TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from broker.config import ConfigurationError


def trusted_certificates(ca_file: Path | str | None) -> ssl.SSLContext:
    """Return a client's TLS context that trusts a PEM file, or the system when there is none.

    Reads files. Raises ConfigurationError if the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        problem = f"outbound.ca_file {ca_file} holds no certificate in PEM"
        raise ConfigurationError([problem]) from error
    except OSError as error:
        problem = f"outbound.ca_file {ca_file} cannot be read: {error.strerror}"
        raise ConfigurationError([problem]) from error
