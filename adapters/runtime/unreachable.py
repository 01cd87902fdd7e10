"""Why another machine cannot be reached, in words that name no class of a library."""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp


def why_unreachable(error: BaseException) -> str:
    """Say what failed: the name, the connection, the certificate, or the answer on its way."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({error.certificate_error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _of_connection(error.os_error)
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off before its end"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def _of_connection(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):  # its errno is not one of the system
        return f"no TLS connection is possible ({error.reason or error})"
    if isinstance(error, socket.gaierror):
        return "the name of the machine is not known"
    if error.errno:
        return os.strerror(error.errno).lower()
    return str(error)
