"""`mutsura listen`: a receiver of notifications for trying out subscriptions."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from broker.embedded.errors import PortTaken


def listen(port: int) -> int:
    """Print the body of every POST to 127.0.0.1 on the port, one a line, until Ctrl-C.

    Raises:
        PortTaken: the port cannot be had.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _Printing)
    except OSError as error:
        raise PortTaken(
            f"port {port} cannot be had: {error.strerror}. Choose another with --port"
        ) from error
    with server:
        sys.stderr.write(f"listening on http://127.0.0.1:{port}\n")
        server.serve_forever()
    return 0


class _Printing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Print the body and answer 204."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sys.stdout.write(f"{body.decode('utf-8', 'replace')}\n")
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - as inherited
        """Say nothing: the bodies are what is wanted."""
