import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from notefly.adapters.channels import registry
from notefly.adapters.channels.email import EmailChannel
from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.channels.push import PushChannel
from notefly.adapters.channels.registry import GROUP, close_channels, find_channels, load_channels
from notefly.adapters.channels.sms import SmsChannel
from notefly.domain.errors import ChannelUnusable
from notefly.ports.channel import Channel
from tests.channels import specimens
from tests.channels.builders import message, recipient

HERE = __name__


def load(*names: str, **options: Any) -> dict[str, Channel]:
    return load_channels(names, monotonic=time.monotonic, **options)


class Installed:
    """Stands for the metadata of what is installed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.points: list[EntryPoint] = []
        monkeypatch.setattr(registry, "entry_points", self._all)

    def add(self, name: str, value: str) -> None:
        self.points.append(EntryPoint(name, value, GROUP))

    def _all(self, *, group: str) -> Sequence[EntryPoint]:
        assert group == GROUP
        return self.points


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    return Installed(monkeypatch)


def test_built_in_channels_run_here(installed: Installed) -> None:
    """Without any metadata, too."""
    channels = load("email", "push", "sms")
    assert list(channels) == ["email", "push", "sms"]
    found = [type(channel) for channel in channels.values()]
    assert found == [EmailChannel, PushChannel, SmsChannel]


def test_old_metadata_of_ours_does_not_count(installed: Installed) -> None:
    installed.add("sms", "notefly.adapters.channels.once_upon_a_time:SmsChannel")
    assert isinstance(load("sms")["sms"], SmsChannel)


async def test_installed_channels_run_in_a_process() -> None:
    channels = load("whatsapp", "pager", "sms")
    kinds = {name: channel.address_kind for name, channel in channels.items()}
    assert kinds == {"whatsapp": "phone", "pager": "pager_number", "sms": "phone"}
    assert isinstance(channels["pager"], SupervisedChannel)
    await close_channels(channels.values())


def test_a_channel_that_is_not_there() -> None:
    with pytest.raises(
        ChannelUnusable, match=r"no channel 'fax'; installed are: .*email, .*, sms,"
    ):
        load("sms", "fax")


def test_a_channel_that_two_packages_bring(installed: Installed) -> None:
    installed.add("pager", "one:Pager")
    installed.add("pager", "two:Pager")
    with pytest.raises(ChannelUnusable, match="brought by one:Pager and two:Pager: uninstall"):
        load("pager")


def test_a_channel_that_takes_the_name_of_ours(installed: Installed) -> None:
    installed.add("sms", "theirs:Sms")
    with pytest.raises(ChannelUnusable, match="rename it"):
        load("sms")


def test_metadata_found_twice_counts_once(installed: Installed) -> None:
    installed.add("plain", f"{specimens.__name__}:Plain")
    installed.add("plain", f"{specimens.__name__}:Plain")
    assert [point.value for point in find_channels()["plain"]] == [f"{specimens.__name__}:Plain"]
    assert load("plain")["plain"].name == "plain"


class Broken:
    def __init__(self) -> None:
        raise RuntimeError("no licence")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no_such_package:Channel", "ModuleNotFoundError: No module named 'no_such_package'"),
        (f"{HERE}:NoSuchClass", "AttributeError"),
        (f"{HERE}:Broken", "RuntimeError: no licence"),
        (f"{HERE}:Nameless", "AttributeError"),
    ],
)
def test_a_channel_that_cannot_be_loaded(installed: Installed, target: str, says: str) -> None:
    installed.add("broken", target)
    with pytest.raises(ChannelUnusable, match=rf"'broken' \({target}\).*{says}.*Mend its package"):
        load("broken")


class Nameless:
    pass


def made(**different: object) -> SimpleNamespace:
    sound = {name: getattr(specimens.Plain(), name) for name in registry.METHODS}
    given = {"name": "made", "address_kind": "box", "batch_size": 1, "per_recipient": True}
    return SimpleNamespace(**{**sound, **given, **different})


@pytest.mark.parametrize(
    ("different", "says"),
    [
        ({"name": "other"}, "calls itself 'other'"),
        ({"address_kind": "Box 7"}, "address_kind is 'Box 7'"),
        ({"address_kind": None}, "address_kind is None"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 1_001}, "batch_size is 1001"),
        ({"batch_size": True}, "batch_size is True"),
        ({"per_recipient": None}, "per_recipient is None"),
        ({"send": None}, "it has no method send"),
    ],
)
def test_a_channel_that_is_not_what_it_must_be(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, different: dict[str, object], says: str
) -> None:
    monkeypatch.setitem(globals(), "factory", lambda: made(**different))
    installed.add("made", f"{HERE}:factory")
    with pytest.raises(ChannelUnusable, match=f"cannot be used: .*{says}"):
        load("made")


def test_a_name_that_no_request_could_say(installed: Installed) -> None:
    installed.add("Big Box", f"{specimens.__name__}:Plain")
    with pytest.raises(ChannelUnusable, match="name must match"):
        load("Big Box")


def test_the_sender_of_email_is_passed_on() -> None:
    channel = load("email", email_sender="News <news@team.example>")["email"]
    assert "From: News <news@team.example>" in channel.render(message(), recipient("a@b.com")).text
    with pytest.raises(ChannelUnusable):
        load("email", email_sender="nobody")
