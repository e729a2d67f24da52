"""`notefly keys`: API keys, where the store lies; `notefly link`: one person's page."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

import click

from notefly.cli.broker_link import BrokerLink
from notefly.cli.drawing import harmless, table
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared
from notefly.domain.access import ApiKey, Scope


@click.group()
def keys() -> None:
    """API keys: who may call the broker, and what for.

    They are kept in the store. Brokers may be running on it; they follow within a second.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it is for; may be repeated. admin includes all.",
)
@json_option
@plainly
def create(*, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key called NAME and print it, this once."""
    from notefly.bootstrap import keys as opened

    async def made() -> tuple[ApiKey, str]:
        async with opened(prepared(quiet=as_json), create=True) as store:
            return await store.create(name, frozenset(map(Scope, scopes)))

    key, spelled = asyncio.run(made())
    if as_json:
        click.echo(json.dumps(_view(key) | {"key": spelled}, ensure_ascii=False))
        return
    click.echo(spelled)
    click.echo(
        f"This is shown once: keep it now. `notefly keys revoke {key.id}` ends it. Use it as\n"
        "Authorization: Bearer …, or set NOTEFLY_API_KEY for the client and these commands.",
        err=True,
    )


@keys.command("list")
@json_option
@plainly
def list_keys(*, as_json: bool) -> None:
    """All keys there ever were; never what they are spelled like."""
    from notefly.bootstrap import keys as opened

    async def listed() -> Sequence[ApiKey]:
        async with opened(prepared(quiet=as_json)) as store:
            return await store.list()

    found = asyncio.run(listed())
    if as_json:
        click.echo(json.dumps([_view(key) for key in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo("there is no key; `notefly keys create NAME --scope publish` makes one")
    else:
        click.echo(
            table(("id", "name", "scopes", "created", "revoked"), [_row(key) for key in found])
        )


@keys.command()
@click.argument("key_id", metavar="ID")
@plainly
def revoke(*, key_id: str) -> None:
    """End the key with this ID, within a second and for good."""
    from notefly.bootstrap import keys as opened

    async def ended() -> ApiKey:
        async with opened(prepared()) as store:
            return await store.revoke(key_id)

    revoked = asyncio.run(ended())
    click.echo(f"revoked {revoked.id} ({harmless(revoked.name)})")


@click.command()
@click.argument("subscriber", metavar="ID")
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True)
@json_option
@plainly
def link(*, subscriber: str, days: int, as_json: bool) -> None:
    """Make a personal link: whoever has it changes what the subscriber ID gets, without a key."""
    with BrokerLink(prepared(quiet=as_json)) as broker:
        path = f"/v1/subscribers/{quote(subscriber, safe='')}/link"
        made = broker.post(path, {"valid_seconds": days * 86_400})
    click.echo(json.dumps(made) if as_json else made["url"])


def _view(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
    }


def _row(key: ApiKey) -> tuple[str, ...]:
    revoked = "-" if key.revoked_at is None else _day(key.revoked_at)
    return key.id, harmless(key.name), ", ".join(sorted(key.scopes)), _day(key.created_at), revoked


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
