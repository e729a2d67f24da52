"""Bytes in, everything that comes back out, until the other side hangs up."""

import re
import socket
from typing import NamedTuple

from tests.broker.service import Broker

GOAL = b'{"category":"sports","body":"x"}'
SIZE = b"%d" % len(GOAL)
PUBLISH = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
"""What the broker answers if it still listens, and then it hangs up."""
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Told(NamedTuple):
    """The statuses in order, and all of the bytes."""

    statuses: list[int]
    raw: bytes


def talk(broker: Broker, said: bytes) -> Told:
    """One connection, to its end; the broker has to hang up."""
    with socket.create_connection(broker.address, 20) as connection:
        answered = b""
        try:
            connection.sendall(said)
            while part := connection.recv(65_536):
                answered += part
        except ConnectionError:
            pass  # It hung up while more was coming.
    return Told([int(status) for status in ANSWER.findall(answered)], answered)


def messages(broker: Broker) -> int:
    """How many were ever accepted."""
    return int(broker.get("/v1/stats")["messages"])
