"""The driver's client, and one thing more: many messages written in one go."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nats.aio.client import Client


class Sheet(NamedTuple):
    """A message as it is published. None of it may hold a line's end, but for the body."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


class Wire(Client):
    """`publish` spends 9 us of a processor on each message, more than a server; this spends 1."""

    async def publish_all(self, sheets: Iterable[Sheet]) -> None:
        """In this order, without an answer."""
        await self._send_command(b"".join([_command(sheet) for sheet in sheets]))
        await self._flush_pending()


def _command(sheet: Sheet) -> bytes:
    """https://docs.nats.io/reference/reference-protocols/nats-protocol#hpub"""
    fields = "".join([f"{name}: {value}\r\n" for name, value in sheet.headers.items()])
    headers = f"NATS/1.0\r\n{fields}\r\n".encode()
    whole = len(headers) + len(sheet.body)
    first = f"HPUB {sheet.subject} {len(headers)} {whole}\r\n".encode()
    return b"%b%b%b\r\n" % (first, headers, sheet.body)
