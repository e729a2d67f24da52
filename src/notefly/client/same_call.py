"""The call that a form makes, for three hands: a shell, a program, and HTTPie.

Each has a fresh Idempotency-Key, so that it may be sent again until it is answered.
"""

import json
import shlex
from dataclasses import dataclass

from notefly.client.broker_api import Draft
from notefly.client.links import Links

PATH = "/v1/messages"
FIRST = "=@"
"""What HTTPie would take for another separator, at the beginning of a value."""


@dataclass(frozen=True, slots=True)
class Call:
    """A way to publish the same message, to be pasted."""

    name: str
    id: str
    text: str


def same_call(links: Links, draft: Draft) -> list[Call]:
    """The API key stands there by the name of its variable, never by its value."""
    return [
        Call("curl", "curl", curl(links, draft)),
        Call("Python", "python", python(links, draft)),
        Call("HTTPie", "httpie", httpie(links, draft)),
    ]


def curl(links: Links, draft: Draft) -> str:
    """Reads the body from the command line, as a shell quotes it."""
    lines = [f"curl {shlex.quote(links.broker(PATH))}"]
    if links.wants_key:
        lines.append('  -H "Authorization: Bearer $NOTEFLY_API_KEY"')
    lines.append("  -H 'Content-Type: application/json'")
    lines.append('  -H "Idempotency-Key: $(uuidgen)"')
    lines.append(f"  -d {shlex.quote(_body(draft))}")
    return " \\\n".join(lines)


def python(links: Links, draft: Draft) -> str:
    """With requests, which most have at hand."""
    fields = "".join(f"    {name!r}: {value!r},\n" for name, value in draft.as_json().items())
    wanted, key = "", ""
    if links.wants_key:
        wanted = "import os\n"
        key = "headers['Authorization'] = f\"Bearer {os.environ['NOTEFLY_API_KEY']}\"\n"
    return (
        f"{wanted}from uuid import uuid4\n\nimport requests\n\n"
        f"url = {links.broker(PATH)!r}\nmessage = {{\n{fields}}}\n"
        f"headers = {{'Idempotency-Key': str(uuid4())}}\n{key}"
        "answer = requests.post(url, json=message, headers=headers)\nanswer.raise_for_status()"
    )


def httpie(links: Links, draft: Draft) -> str:
    """As fields; as raw JSON where HTTPie would read something else out of a field."""
    lines = [f"http POST {shlex.quote(links.broker(PATH))}"]
    if links.wants_key:
        lines.append('  "Authorization: Bearer $NOTEFLY_API_KEY"')
    lines.append('  "Idempotency-Key:$(uuidgen)"')
    fields = draft.as_json()
    if any("\\" in value or value.startswith(tuple(FIRST)) for value in fields.values()):
        lines.append(f"  --raw {shlex.quote(_body(draft))}")
    else:
        lines += [f"  {name}={shlex.quote(value)}" for name, value in fields.items()]
    return " \\\n".join(lines)


def _body(draft: Draft) -> str:
    return json.dumps(draft.as_json(), ensure_ascii=False)
