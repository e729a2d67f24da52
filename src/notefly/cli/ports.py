"""Whether a port can be had, asked before anything is started."""

import errno
import socket
import sys

from notefly.cli.failure import Failed
from notefly.config import loopback

AIRPLAY = 5000
ANSWER_SECONDS = 0.5
IN_USE = frozenset({errno.EADDRINUSE})


def require_free(host: str, port: int, variable: str) -> None:
    """A plain bind, so that nobody shares the port unseen. Raises Failed with the way out."""
    if problem := trouble(host, port):
        raise Failed(f"{problem}; stop what uses it, or set {variable} to another port")


def trouble(host: str, port: int) -> str:
    """Why it cannot be had; empty when it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        return f"{host} is no address of this machine ({error.strerror})"
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return _reason(host, port, error)
    return _taken(port) if loopback(host) and _answered(port) else ""


def _answered(port: int) -> bool:
    """Whether `localhost` leads to somebody all the same.

    A listener on all addresses (AirPlay is one) lets others have 127.0.0.1 beside it on macOS, and
    a listener on ::1 does so everywhere; browsers would meet it first.
    """
    try:
        with socket.create_connection(("localhost", port), ANSWER_SECONDS) as connection:
            # Linux may connect a socket to itself, where nobody listens.
            return bool(connection.getsockname() != connection.getpeername())
    except OSError:
        return False


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno not in IN_USE:
        return f"port {port} of {host} cannot be used ({error.strerror})"
    return _taken(port)


def _taken(port: int) -> str:
    if port == AIRPLAY and sys.platform == "darwin":
        return (
            f"port {port} is taken, on macOS by AirPlay Receiver: "
            "System Settings, General, AirDrop & Handoff switches it off"
        )
    return f"port {port} is taken by another program"
