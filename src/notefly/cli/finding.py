"""What a check found."""

from dataclasses import asdict, dataclass
from typing import Literal

Verdict = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `bad` keeps Notefly from working, `note` is worth knowing."""

    name: str
    verdict: Verdict
    detail: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)
