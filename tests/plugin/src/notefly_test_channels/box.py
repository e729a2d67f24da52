"""What the channels for tests share: an address is a word, and says what is to happen."""

import re
from collections.abc import Mapping

from notefly.domain.batch import Recipient
from notefly.domain.message import Content, Message
from notefly.ports.channel import Rendering

WORD = re.compile(r"[a-z][a-z0-9-]{0,63}")


class BoxChannel:
    """Everything but `name` and `send`."""

    address_kind = "box"
    batch_size = 1_000
    per_recipient = True

    def normalise(self, address: str) -> str:
        word = address.strip().lower()
        if not WORD.fullmatch(word):
            raise ValueError("write one word of at most 64 letters, digits and dashes")
        return word

    def check(self, content: Content) -> Mapping[str, str]:
        return {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        return Rendering("text/plain; charset=utf-8", message.content.body, {})
