"""What needs no broker, and what is said when one is needed and none is there."""

import json
import logging
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from notefly.cli import main
from notefly.cli.drawing import boxed, excerpt, table, width
from notefly.cli.ports import trouble
from notefly.cli.preparing import JsonLines
from notefly.cli.supervisor import ending
from tests.cli.conftest import Notefly, some_port


@pytest.mark.parametrize(
    "words",
    [("publish", "sports", "x"), ("show", "x"), ("tail",), ("tail", "--no-follow"), ("demo",)],
)
def test_without_a_broker_it_says_how_to_start_one(alone: Notefly, words: tuple[str, ...]) -> None:
    result = alone(*words)
    assert result.exit_code == 1
    assert re.match(
        r"notefly: the broker at http://127.0.0.1:\d+ does not answer; start it with "
        r"`notefly broker`, or everything with `notefly up`",
        result.stderr,
    )
    assert "Traceback" not in result.output


def test_a_publish_without_an_answer_gives_the_key_to_ask_again_with(alone: Notefly) -> None:
    assert "add --key my-key" in alone("publish", "sports", "x", "--key", "my-key").stderr


def test_something_else_on_the_brokers_port_is_no_broker(alone: Notefly) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-c", PLAIN_SERVER, str(stranger.fileno())],
            pass_fds=[stranger.fileno()],
        ) as server:
            result = alone("show", "x", broker_url=url)
            server.terminate()
    assert result.exit_code == 1
    assert "is no broker" in result.stderr


PLAIN_SERVER = """
import socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
while True:
    connection, _ = listener.accept()
    connection.recv(9999)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 5\\r\\n\\r\\nhello")
    connection.close()
"""


def test_help_comes_at_once() -> None:
    heavy = ("dishka", "quart", "apsw", "uvicorn", "notefly.bootstrap")
    looked = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, notefly.cli; print([m for m in {heavy} if m in sys.modules])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert looked.stdout == "[]\n"
    said = CliRunner().invoke(main, ["--help"]).output
    for command in ("up", "broker", "client", "publish", "tail", "show", "demo", "doctor"):
        assert f"  {command} " in said
    assert CliRunner().invoke(main, ["--version"]).output.startswith("notefly, version")


def test_config_prints_each_value_and_where_it_came_from(alone: Notefly) -> None:
    Path("notefly.toml").write_text('categories = ["cats"]', encoding="utf-8")
    rows = [line.split() for line in alone("config", mocks="0").stdout.splitlines()]
    assert rows[0] == ["setting", "value", "unit", "from"]
    assert ["categories", "cats", "notefly.toml"] in rows
    assert ["mocks", "no", "NOTEFLY_MOCKS"] in rows
    assert ["broker_port", "5001", "default"] in rows
    assert ["channel_memory", "1024", "MiB", "default"] in rows
    shown = json.loads(alone("config", "--json").stdout)
    assert shown["categories"] == {"value": ["cats"], "unit": "", "source": "notefly.toml"}


def test_wrong_settings_are_clear_lines(alone: Notefly) -> None:
    result = alone("config", broker_port="none", mocks="maybe")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "notefly: NOTEFLY_BROKER_PORT must be a port number from 1 to 65535, not 'none'",
        "notefly: NOTEFLY_MOCKS must be 1 or 0, true or false; not 'maybe'",
    ]


def test_a_typing_mistake_is_mentioned_but_not_to_scripts(alone: Notefly) -> None:
    assert "did you mean NOTEFLY_MOCKS?" in alone("config", mock="0").stderr
    assert alone("config", "--json", mock="0").stderr == ""


def test_verify_without_a_store(alone: Notefly) -> None:
    result = alone("verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("notefly: there is no readable store at notefly-data")
    assert not Path("notefly-data").exists()


def test_doctor_before_the_first_start(alone: Notefly, free_port: int) -> None:
    result = alone("doctor", broker_port=str(free_port), client_port=str(some_port()))
    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.output
    assert any(re.match(r"✓ SQLite +3\.\d+\.\d+", line) for line in lines)
    assert any("empty yet" in line for line in lines)
    assert any(line.startswith("! broker") and "nobody answers" in line for line in lines)
    assert not Path("notefly-data").exists()


def test_doctor_says_what_is_in_the_way(alone: Notefly) -> None:
    Path("taken").write_text("a file", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = alone("doctor", "--json", broker_port=str(port), data_dir="taken/notefly")
    findings = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert findings[f"port {port} (broker)"] == {
        "name": f"port {port} (broker)",
        "verdict": "bad",
        "detail": f"port {port} is taken by another program",
        "mend": "stop what uses it, or set NOTEFLY_BROKER_PORT",
    }
    assert findings["data directory"]["verdict"] == "bad"


def test_trouble_with_ports_is_found_by_a_plain_bind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "is taken by another program" in trouble("127.0.0.1", taken.getsockname()[1])
    assert "no address of this machine" in trouble("no-such-host.invalid", 5000)
    assert "cannot be used" in trouble("203.0.113.7", 5000)


def test_the_log_can_be_read_by_machines() -> None:
    record = logging.makeLogRecord({"name": "here", "levelname": "INFO", "msg": "ü %s", "args": 1})
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "ü 1"
    assert (line["logger"], line["level"]) == ("here", "info")
    assert line["time"].endswith("+00:00")


def test_boxes_and_tables_stand_straight_in_every_script() -> None:
    box = boxed("Title", [("name", "田中 恵美"), ("é", "e")], ["note"]).splitlines()
    assert len({width(line) for line in box}) == 1
    lines = table(("a", "b"), [("田中", "x"), ("ab", "y")]).splitlines()
    assert [width(line) for line in lines] == [7, 7, 7]
    assert excerpt("a\x1b[31mb", 10) == "a\ufffd[31mb"
    assert excerpt("x" * 20, 5) == "xxxx…"


def test_how_a_process_ended_is_said_in_words() -> None:
    assert ending(3) == "ended with exit status 3"
    assert ending(-9) == "was ended by SIGKILL"
    assert ending(-255) == "was ended by signal 255"
