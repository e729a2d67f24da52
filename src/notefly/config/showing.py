"""Settings as people may see them: secrets are masked."""

import re
from pathlib import Path
from typing import NamedTuple

MASK = "****"
PASSWORD = re.compile(r"(?<=://)([^/@:,]*):[^/?#]*@")
"""Up to the last @ before the path: one that is not escaped belongs to the password."""
TOKEN = re.compile(r"((?:nats|tls|rediss?)://)[^/:,?#]+@")
"""There a name without a password is a secret of its own."""
PARAMETER = re.compile(r"(?<=[?&])((?:ssl_?)?password=)[^&,]*", re.IGNORECASE)


class Shown(NamedTuple):
    """A setting."""

    name: str
    value: object
    unit: str
    """What a number counts or measures; empty where that is plain, or no number."""
    source: str
    """`default`, a `NOTEFLY_…` variable, or `notefly.toml`."""


def masked(value: object) -> object:
    """A value as it may be shown: addresses of servers without their passwords."""
    if not isinstance(value, str | Path):
        return value
    shown = TOKEN.sub(rf"\1{MASK}@", PASSWORD.sub(rf"\1:{MASK}@", str(value)))
    return PARAMETER.sub(rf"\1{MASK}", shown)
