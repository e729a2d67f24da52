"""Push notifications, in log mode."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from notefly.adapters.channels.log_mode import NO_PROBLEMS, LogMode
from notefly.domain.batch import Recipient
from notefly.domain.message import Content, Message
from notefly.ports.channel import Channel, Rendering

PAYLOAD_LIMIT = 4_096
"""Bytes; what FCM and APNs take, and what RFC 8030 (7.2) asks every push service to take."""
ANY_ID = "00000000-0000-0000-0000-000000000000"
"""Every message id is as long as this one."""
FRAME = 100
"""Bytes of a payload that are neither title, body nor category, rounded up."""
WIDEST = 6
"""Bytes of a character in JSON: a control character is spelled `\\u001b`."""

TOKEN = re.compile(r"[!-~]{1,4096}")


class PushChannel(LogMode):
    """The payload does not hold the token: that is where it goes, not what it says."""

    name: Final = "push"
    address_kind: Final = "push_token"

    def normalise(self, address: str) -> str:
        """The token as it is: to everybody but its maker it has no inner form."""
        if not TOKEN.fullmatch(address):
            raise ValueError(
                "must be 1 to 4,096 visible ASCII characters: "
                "pass on the token exactly as the device's push service gave it"
            )
        return address

    def check(self, content: Content) -> Mapping[str, str]:
        """Measures only what may be too long."""
        characters = len(content.body) + len(content.title or "") + len(content.category)
        if characters * WIDEST + FRAME <= PAYLOAD_LIMIT:
            return NO_PROBLEMS
        size = size_of(payload_of(content, ANY_ID))
        if size <= PAYLOAD_LIMIT:
            return NO_PROBLEMS
        return {
            "body": f"makes a payload of {size:,} bytes; shorten it to at most {PAYLOAD_LIMIT:,}"
        }

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """The JSON that the push service would be given."""
        payload = payload_of(message.content, message.id)
        facts = {"bytes": size_of(payload), "limit": PAYLOAD_LIMIT}
        return Rendering("application/json", payload, facts)


def payload_of(content: Content, message_id: str) -> str:
    """Compact, and not escaped to ASCII: every byte counts."""
    fields = {
        "title": content.title,
        "body": content.body,
        "category": content.category,
        "message_id": message_id,
    }
    present = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":"))


def size_of(payload: str) -> int:
    """Bytes in UTF-8. A lone surrogate is refused elsewhere, and must not fail here before that."""
    return len(payload.encode("utf-8", "surrogatepass"))


_meets_the_port: Callable[[], Channel] = PushChannel
