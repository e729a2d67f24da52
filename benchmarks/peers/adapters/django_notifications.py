"""django-notifications (django-notifications-hq), which has no queue: whoever publishes, delivers.

`each`: its own page, "Generating Notifications" (`notify.send(actor, recipient=queryset, …)`, which
saves row after row, each in a transaction of its own as Django does by default), on SQLite; the
sender is called as each row was saved (`post_save`).
`batched`: `Notification.objects.bulk_create` in one transaction ("Database access optimization"
in Django's documentation); the signal is not sent then.
The notifications are the log; a file as durable as Notefly's (WAL and synchronous=FULL,
set when Django opens it). Its newest release needs a Django before 5.1.
"""

from functools import cache

import django
from django.conf import settings

from benchmarks.peers.driving import BATCHED, LOG, everybody
from benchmarks.peers.work import CHANNELS, Lot, witness

DURABLE = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")
VIEW = """
CREATE VIEW log AS SELECT CAST(description AS INTEGER) AS message, recipient_id - 2 AS subscriber,
    level AS channel, unixepoch(timestamp, 'subsec') AS at FROM notifications_notification
"""
LEVELS = ("info", "success")
seen = witness()
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": LOG,
            "OPTIONS": {"timeout": 30},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifications"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    SECRET_KEY="of a benchmark",  # noqa: S106 - guards nothing
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - settings come first
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402
from django.dispatch import receiver  # noqa: E402
from notifications.models import Notification  # noqa: E402
from notifications.signals import notify  # noqa: E402


@receiver(connection_created)
def durable(connection: object, **_: object) -> None:
    for pragma in DURABLE:
        connection.cursor().execute(pragma)


def prepare() -> None:
    call_command("migrate", verbosity=0)
    User.objects.create(pk=1, username="publisher")
    User.objects.bulk_create(
        User(pk=number + 2, username=address, email=address) for number, address in everybody()
    )
    connection.cursor().execute(VIEW)


@cache
def publisher() -> User:
    return User.objects.get(pk=1)


def publish(lots: list[Lot]) -> None:
    for lot in lots:
        for part in lot.parts() if BATCHED else [lot]:
            deliver(part)


def deliver(lot: Lot) -> None:
    people = User.objects.filter(pk__gte=lot.first + 2, pk__lt=lot.last + 2)
    if BATCHED:
        delivered = seen.send_all(lot.message, ((one.pk - 2, one.email) for one in people))
        Notification.objects.bulk_create(one_row(*delivery) for delivery in delivered)
        return
    for channel in range(CHANNELS):
        notify.send(
            publisher(),
            recipient=people,
            verb="published",
            level=LEVELS[channel],
            description=str(lot.message),
        )


@receiver(post_save, sender=Notification)
def on_saved(instance: Notification, created: bool, **_: object) -> None:  # noqa: FBT001 - Django's
    if created:
        number, channel = int(instance.description), LEVELS.index(instance.level)
        seen.send(number, instance.recipient_id - 2, channel)


def one_row(message: int, subscriber: int, channel: int) -> Notification:
    return Notification(
        recipient_id=subscriber + 2,
        actor_content_type=ContentType.objects.get_for_model(User),
        actor_object_id="1",
        verb="published",
        level=LEVELS[channel],
        description=str(message),
    )
