"""Settings: who wins, where a value came from, and what is said about a wrong one."""

from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from notefly.config import FILE, NAMES, Settings, SettingsInvalid, load
from notefly.config.showing import masked

KEY = "nf_0123456789ab_" + "c" * 64
EVERYTHING = {
    "NOTEFLY_DATA_DIR": "/srv/notefly",
    "NOTEFLY_HOST": "::1",
    "NOTEFLY_BROKER_PORT": "6001",
    "NOTEFLY_CLIENT_PORT": "6000",
    "NOTEFLY_BROKER_URL": "https://broker.example.org/",
    "NOTEFLY_MOCKS": "0",
    "NOTEFLY_CATEGORIES": "finance, cats",
    "NOTEFLY_CHANNELS": "sms,whatsapp",
    "NOTEFLY_STORE": "postgresql://me@db/notefly",
    "NOTEFLY_QUEUE": "nats://one:4222,nats://two:4222",
    "NOTEFLY_QUEUE_REPLICAS": "3",
    "NOTEFLY_BROKER_DELIVERS": "0",
    "NOTEFLY_CONCURRENCY": "16",
    "NOTEFLY_REQUIRE_KEYS": "yes",
    "NOTEFLY_API_KEY": KEY,
    "NOTEFLY_PUBLIC_URL": "https://notefly.example.org",
    "NOTEFLY_CHANNEL_SECONDS": "2.5",
    "NOTEFLY_CHANNEL_MEMORY": "256",
    "NOTEFLY_RATE_LIMIT": "600/minute",
    "NOTEFLY_STREAM_LIMIT": "50",
    "NOTEFLY_BACKLOG": "5000",
    "NOTEFLY_LOG": "json",
    "NOTEFLY_LOG_LEVEL": "debug",
    "NOTEFLY_ALLOWED_HOSTS": "Notefly.example.org",
}


def refused(environ: dict[str, str], folder: Path) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        load(environ, folder)
    return str(caught.value)


def written(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert settings == Settings()
    assert settings.data_dir == Path("notefly-data")
    assert settings.categories == ("finance", "movies", "sports")
    assert settings.channels == ("sms", "email", "push")
    assert settings.broker_url == "http://127.0.0.1:5001"
    assert set(settings.sources.values()) == {"default"}
    assert settings.warnings == ()


def test_everything_can_be_set_and_has_the_type_of_its_field(tmp_path: Path) -> None:
    settings = load(EVERYTHING, tmp_path)
    hints = get_type_hints(Settings)
    for name in NAMES:
        value, hint = getattr(settings, name), hints[name]
        assert value != getattr(Settings(), name), name
        assert (
            value in get_args(hint)
            if name in ("log", "log_level")
            else isinstance(value, tuple if "tuple" in str(hint) else hint)
        ), name
        assert settings.sources[name] == f"NOTEFLY_{name.upper()}"
    assert settings.broker_url == "https://broker.example.org"
    assert settings.allowed_hosts == ("notefly.example.org",)


def test_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    written(tmp_path, 'broker_port = 7001\ncategories = ["cats"]\nmocks = false')
    settings = load({"NOTEFLY_BROKER_PORT": "7002"}, tmp_path)
    assert (settings.broker_port, settings.sources["broker_port"]) == (7002, "NOTEFLY_BROKER_PORT")
    assert (settings.categories, settings.sources["categories"]) == (("cats",), FILE)
    assert settings.mocks is False
    assert settings.sources["client_port"] == "default"


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert load({"NOTEFLY_HOST": "", "NOTEFLY_CATEGORIES": ""}, tmp_path) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("BROKER_PORT", "0", "must be a port number from 1 to 65535, not '0'"),
        ("BROKER_PORT", "65536", "must be a port number"),
        ("BROKER_PORT", "\uff15001", "must be a port number"),
        ("BROKER_PORT", "tcp://10.0.0.1:5001", "put enableServiceLinks: false into the pod"),
        ("CLIENT_PORT", "http", "must be a port number"),
        ("HOST", "http://localhost", "without port"),
        ("HOST", "local host", "must be an IP address or a host name"),
        ("BROKER_URL", "localhost:5001", "must be like http://127.0.0.1:5001"),
        ("BROKER_URL", "http://host:99999", "must be like http://127.0.0.1:5001"),
        ("MOCKS", "maybe", "must be 1 or 0, true or false"),
        ("CATEGORIES", "Finance", "holds 'Finance'; a name is 1 to 32 of a-z 0-9 _ -"),
        ("CATEGORIES", "finance,,sports", "holds ''; a name is"),
        ("CATEGORIES", "a" * 33, "a name is 1 to 32"),
        ("CATEGORIES", "cats,dogs,cats", "names 'cats' twice; leave one out"),
        ("CHANNELS", "e mail", "holds 'e mail'"),
        ("STORE", "mysql://db", "leave it out for the SQLite file"),
        ("QUEUE", "amqp://q", "must be like nats://host:4222"),
        ("RATE_LIMIT", "600", "must be like 600/minute (second, minute, hour, day) or off"),
        ("RATE_LIMIT", "0/minute", "must be like 600/minute"),
        ("RATE_LIMIT", "5/fortnight", "must be like 600/minute"),
        ("BACKLOG", "0", "must be a whole number, 1 or more"),
        ("BACKLOG", "1e7", "must be a whole number"),
        ("LOG", "xml", "must be text or json, not 'xml'"),
        ("LOG_LEVEL", "loud", "must be debug, info, warning or error, not 'loud'"),
        ("BROKER_URL", "http://me@host", "no user, password or query in it"),
        ("BROKER_URL", "http://host/?key=x", "no user, password or query in it"),
        ("ALLOWED_HOSTS", "*", "must be an IP address or a host name"),
        ("DATA_DIR", "  ", "must be text that is not empty"),
        ("DATA_DIR", "~nobody-of-that-name/x", "names a home that cannot be found"),
    ],
)
def test_a_wrong_variable_says_which_what_and_how(
    tmp_path: Path, name: str, value: str, wrong: str
) -> None:
    said = refused({f"NOTEFLY_{name}": value}, tmp_path)
    assert said.startswith(f"NOTEFLY_{name} ")
    assert wrong in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("broker_port = true", f"{FILE}: broker_port must be a port number"),
        ("broker_port = 80.5", f"{FILE}: broker_port must be a port number"),
        ("categories = []", f"{FILE}: categories must name at least one"),
        ("categories = [1]", f"{FILE}: categories must be a list of texts"),
        ("host = 1", f"{FILE}: host must be text"),
        ("broker_prot = 80", f"{FILE}: broker_prot is no setting; did you mean broker_port?"),
        ("NOTEFLY_MOCKS = 1", f"{FILE}: NOTEFLY_MOCKS is no setting"),
        ("zzz = 1", "zzz is no setting; there are data_dir, host,"),
        ("[broker]\nport = 1", f"{FILE}: broker is no setting"),
        ("broken", "is not TOML"),
    ],
)
def test_a_wrong_line_in_the_file(tmp_path: Path, line: str, wrong: str) -> None:
    assert wrong in refused({}, written(tmp_path, line))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"host = '\xff'")
    assert "is not UTF-8" in refused({}, tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert "cannot be read" in refused({}, tmp_path)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, 'log = "xml"\nwhat = 1')
    said = refused({"NOTEFLY_MOCKS": "?", "NOTEFLY_HOST": "a b"}, tmp_path)
    assert len(said.splitlines()) == 4


def test_the_two_ports_must_differ(tmp_path: Path) -> None:
    said = refused({"NOTEFLY_CLIENT_PORT": "5001"}, tmp_path)
    assert "client_port and broker_port are both 5001" in said
    assert "NOTEFLY_BROKER_PORT" in said


def test_a_typing_mistake_in_the_environment_is_a_warning(tmp_path: Path) -> None:
    environ = {"NOTEFLY_CATEGORYS": "cats", "NOTEFLY_host": "x", "OTHER": "1"}
    settings = load(environ, tmp_path)
    assert settings.warnings == (
        "NOTEFLY_CATEGORYS is no setting; did you mean NOTEFLY_CATEGORIES?; it is ignored",
        "NOTEFLY_host is no setting; did you mean NOTEFLY_HOST?; it is ignored",
    )


def test_what_kubernetes_injects_for_a_service_is_no_mistake(tmp_path: Path) -> None:
    injected = {
        "NOTEFLY_SERVICE_HOST": "10.0.0.1",
        "NOTEFLY_SERVICE_PORT": "5001",
        "NOTEFLY_SERVICE_PORT_HTTP": "5001",
        "NOTEFLY_PORT": "tcp://10.0.0.1:5001",
        "NOTEFLY_PORT_5001_TCP_ADDR": "10.0.0.1",
    }
    assert load(injected, tmp_path).warnings == ()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:5001"),
        ("::", "http://[::1]:5001"),
        ("::1", "http://[::1]:5001"),
        ("notefly.internal", "http://notefly.internal:5001"),
    ],
)
def test_the_broker_is_called_where_it_listens(tmp_path: Path, host: str, url: str) -> None:
    assert load({"NOTEFLY_HOST": host}, tmp_path).broker_url == url


@pytest.mark.parametrize(
    ("host", "asked", "wanted"),
    [
        ("127.0.0.1", "0", False),
        ("localhost", "0", False),
        ("::1", "0", False),
        ("0.0.0.0", "0", True),
        ("192.168.0.7", "0", True),
        ("127.0.0.1", "1", True),
    ],
)
def test_who_is_reached_from_outside_wants_keys(
    tmp_path: Path, host: str, asked: str, wanted: bool
) -> None:
    settings = load({"NOTEFLY_HOST": host, "NOTEFLY_REQUIRE_KEYS": asked}, tmp_path)
    assert settings.keys_required is wanted


@pytest.mark.parametrize(
    ("name", "value"), [("queue", "nats://queue:4222"), ("broker_delivers", "0")]
)
def test_what_needs_a_store_on_a_server_says_so(tmp_path: Path, name: str, value: str) -> None:
    said = refused({f"NOTEFLY_{name.upper()}": value}, tmp_path)
    assert said.startswith(f"NOTEFLY_{name.upper()}: ")
    assert "set NOTEFLY_STORE=postgresql://… too" in said


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("nats://queue:4222", True),
        ("nats://one, nats://two:4222,tls://three", True),
        ("redis://me:word@queue/0", True),
        ("rediss://queue", True),
        ("redis://one,redis://two", False),
        ("nats://one,http://two", False),
        ("nats://", False),
        ("postgresql://db/notefly", False),
        ("kafka://queue", False),
    ],
)
def test_which_queues_there_are(tmp_path: Path, address: str, *, right: bool) -> None:
    environ = {"NOTEFLY_STORE": "postgresql://db/notefly", "NOTEFLY_QUEUE": address}
    if right:
        assert load(environ, tmp_path).queue == address.replace(" ", "")
    else:
        assert refused(environ, tmp_path).startswith("NOTEFLY_QUEUE must be like nats://")


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("postgresql://db/notefly", True),
        ("postgres://me:word@db:5433/notefly?sslmode=require", True),
        ("postgresql:///notefly?host=/run/postgresql", True),
        ("postgresql://me@/notefly?application_name=x&host=/run/postgresql", True),
        ("postgresql:///notefly", False),
        ("mysql://db/notefly", False),
    ],
)
def test_which_stores_there_are(tmp_path: Path, address: str, *, right: bool) -> None:
    environ = {"NOTEFLY_STORE": address}
    if right:
        assert load(environ, tmp_path).store == address
    else:
        assert refused(environ, tmp_path).startswith("NOTEFLY_STORE must be like postgresql://")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "nats://me:secret@one:4222,nats://me:secret@two",
            "nats://me:****@one:4222,nats://me:****@two",
        ),
        ("nats://secret@one,tls://secret@two", "nats://****@one,tls://****@two"),
        ("redis://:secret@one/0", "redis://:****@one/0"),
        ("postgresql://me:sec@ret@db/x", "postgresql://me:****@db/x"),
        ("nats://sec@ret@one:4222,nats://two", "nats://****@one:4222,nats://two"),
        ("postgresql://db/x?sslpassword=secret", "postgresql://db/x?sslpassword=****"),
        ("postgresql://me@db/notefly", "postgresql://me@db/notefly"),
        ("postgresql://db/x?user=me&password=secret", "postgresql://db/x?user=me&password=****"),
    ],
)
def test_addresses_are_shown_without_their_secrets(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_no_password_is_shown() -> None:
    settings = Settings(
        data_dir=Path("/srv/notefly"),
        store="postgresql://me:secret@db/notefly",
        queue="nats://me:secret@queue:4222",
        api_key=KEY,
        console_digest="secret",
    )
    shown = {one.name: one.value for one in settings.shown()}
    assert shown["store"] == "postgresql://me:****@db/notefly"
    assert shown["queue"] == "nats://me:****@queue:4222"
    assert shown["data_dir"] == "/srv/notefly"
    assert list(shown) == list(NAMES)
    assert shown["api_key"] == "****"
    assert {one.name: one.value for one in Settings().shown()}["api_key"] == ""
    assert "secret" not in repr(settings)
    assert KEY not in repr(settings)
