"""The proxy parts and joins, or the faults that stand on it would test nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.cluster.proxy import Proxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def between() -> AsyncIterator[tuple[Proxy, Callable[[], Awaitable[Streams]]]]:
    """A proxy before a server that gives every line back; and how to connect to it."""
    opened: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    await proxy.start()

    async def connect() -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        opened.append(writer)
        return reader, writer

    try:
        yield proxy, connect
    finally:
        for writer in opened:
            writer.transport.abort()
        await proxy.stop()
        server.close()


async def said(streams: Streams, word: bytes) -> bytes:
    streams[1].write(word + b"\n")
    return await streams[0].readline()


async def test_bytes_go_both_ways() -> None:
    async with between() as (_, connect):
        one, other = await connect(), await connect()
        assert await said(one, b"one") == b"one\n"
        assert await said(other, b"other") == b"other\n"


async def test_what_is_held_arrives_when_it_heals() -> None:
    async with between() as (proxy, connect):
        known = await connect()
        assert await said(known, b"before") == b"before\n"
        proxy.freeze()
        waiting = asyncio.create_task(said(known, b"held"))
        new = asyncio.create_task(said(await connect(), b"new"))
        # Round trips of another connection, in which both could have been answered.
        async with between() as (_, elsewhere):
            there = await elsewhere()
            for _ in range(20):
                await said(there, b"meanwhile")
        assert not waiting.done()
        assert not new.done()
        proxy.heal()
        assert await waiting == b"held\n"
        assert await new == b"new\n"


async def test_a_cut_resets_what_is_open_and_what_is_opened_until_it_heals() -> None:
    async with between() as (proxy, connect):
        known = await connect()
        assert await said(known, b"before") == b"before\n"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await known[0].read()
        refused = await connect()
        with pytest.raises(ConnectionResetError):
            await refused[0].read()
        proxy.heal()
        assert await said(await connect(), b"after") == b"after\n"


async def test_a_server_that_is_away_resets_and_its_return_is_enough() -> None:
    async with between() as (proxy, connect):
        there, proxy.target = proxy.target, 1
        with pytest.raises(ConnectionResetError):
            await (await connect())[0].read()
        proxy.target = there
        assert await said(await connect(), b"back") == b"back\n"
