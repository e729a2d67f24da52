"""What takes part: a peer or Notefly, in one form."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Form = Literal["each", "batched", "called", "set-based"]
"""`each`: one task is one delivery; `batched`: one task fans out; the others are Notefly's."""


@dataclass(frozen=True, slots=True)
class Contender:
    """All that the harness has to know of it; the rest is its adapter's."""

    name: str
    form: Form
    adapter: str
    """The module in `adapters/`."""
    environment: str | None
    """The file in `requirements/`; None: the product's own."""
    server: str | None = None
    """What keeps its queue, see `servers.STARTS`."""
    log: Literal["sqlite", "postgres", "notefly", "none"] = "sqlite"
    comes_back: str = ""
    """What has to pass until another worker gets what a killed one had, where that takes longer
    than anybody waits here; "never": the queue forgot it before it was done."""
    worker: bool = True
    """False: there is no queue, the publisher delivers itself."""

    @property
    def key(self) -> str:
        return f"{self.name}/{self.form}"

    @property
    def ahead(self) -> int:
        """How many deliveries may be published that were not made yet.

        So a run can be ended at any time, and its speed is that of a longer one.
        """
        return 1_000 if self.form == "each" else 40_000

    @property
    def slice(self) -> int:
        """Deliveries that are published in one go."""
        return 500 if self.form == "each" else 20_000


def both(
    name: str, adapter: str, environment: str, back: tuple[str, str], **more: Any
) -> tuple[Contender, ...]:
    """A peer in its two forms, with what `comes_back` is in each."""
    each = Contender(name, "each", adapter, environment, comes_back=back[0], **more)
    return each, replace(each, form="batched", comes_back=back[1])


POSTGRES = {"server": "postgres", "log": "postgres"}
CONTENDERS: tuple[Contender, ...] = (
    Contender("Notefly", "called", "notefly_http", None, log="notefly"),
    Contender("Notefly", "set-based", "notefly_http", None, log="notefly"),
    *both("Celery + Redis", "celery_redis", "celery", ("never", "10 s"), server="redis"),
    *both("dramatiq + Redis", "dramatiq_redis", "dramatiq", ("60 s", ""), server="redis"),
    *both("taskiq + Redis", "taskiq_redis", "taskiq", ("10 min", ""), server="redis"),
    *both("FastStream + JetStream", "faststream_nats", "faststream", ("30 s", ""), server="nats"),
    *both("huey (SQLite)", "huey_sqlite", "huey", ("never", "never")),
    *both(
        "procrastinate (PostgreSQL)",
        "procrastinate_postgres",
        "procrastinate",
        ("a task of one's own", ""),
        **POSTGRES,
    ),
    *both("pgqueuer (PostgreSQL)", "pgqueuer_postgres", "pgqueuer", ("30 s", ""), **POSTGRES),
    *both(
        "django-notifications",
        "django_notifications",
        "django",
        ("never", "never"),
        worker=False,
    ),
    *both("Apprise", "apprise_none", "apprise", ("never", "never"), worker=False, log="none"),
)
