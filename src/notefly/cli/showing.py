"""`notefly show`: a message or a delivery, explained."""

import json

import click

from notefly.cli.broker_link import BrokerLink, Json
from notefly.cli.drawing import clock, coloured, excerpt, harmless, table
from notefly.cli.failure import plainly
from notefly.cli.preparing import json_option, prepared
from notefly.cli.publishing import outcome

SHOWN = 50


@click.command()
@click.argument("identity", metavar="ID")
@json_option
@plainly
def show(*, identity: str, as_json: bool) -> None:
    """Show a message or a delivery, by its ID."""
    with BrokerLink(prepared(quiet=as_json)) as link:
        of_delivery = "." in identity
        found = link.delivery(identity) if of_delivery else link.message(identity)
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        elif of_delivery:
            click.echo(_delivery(found))
        else:
            click.echo(_message(found))
            _list_deliveries(link, identity)


def _message(message: Json) -> str:
    title = [f"title     {excerpt(message['title'], 200)}"] if message.get("title") else []
    return "\n".join(
        [
            f"message   {message['id']}",
            f"category  {message['category']}",
            *title,
            f"text      {excerpt(message['body'], 200)}",
            f"accepted  {clock(message['accepted_at'])}",
            f"state     {coloured(message['state'])}",
            "",
            outcome(message),
        ]
    )


def _list_deliveries(link: BrokerLink, message: str) -> None:
    log = link.get("/v1/deliveries", message=message, limit=SHOWN)
    if log["items"]:
        click.echo("\n" + deliveries(log["items"]))
    if log["next"]:
        click.echo(f"and more: notefly tail --message {message} --last 1000 --no-follow")


def deliveries(items: list[Json]) -> str:
    """One line each."""
    rows = [
        (
            one["channel"],
            one["subscriber_id"] or "erased",
            one["address"] or "-",
            coloured(one["state"]),
            harmless(one["detail"] or ""),
        )
        for one in items
    ]
    return table(("channel", "subscriber", "address", "state", ""), rows)


def _delivery(story: Json) -> str:
    rendered = story["rendered"]
    facts = ", ".join(
        f"{name} {value}" for name, value in (rendered or {"facts": {}})["facts"].items()
    )
    return "\n".join(
        [
            f"delivery   {story['id']}",
            f"to         {story['subscriber_name'] or 'erased'} ({story['address'] or 'erased'})",
            f"state      {coloured(story['state'])}",
            *([f"reason     {story['reason']}"] if story["reason"] else []),
            *([f"detail     {harmless(story['detail'])}"] if story["detail"] else []),
            *map(_attempt, story["history"]),
            "",
            f"what goes out on {story['channel']}" + (f" ({facts})" if facts else ""),
            "",
            harmless(rendered["text"]).rstrip() if rendered else "The address was erased.",
        ]
    )


def _attempt(attempt: Json) -> str:
    detail = f", {harmless(attempt['detail'])}" if attempt["detail"] else ""
    return (
        f"attempt {attempt['number']}  {clock(attempt['claimed_at'])}  {attempt['ending']}{detail}"
    )
