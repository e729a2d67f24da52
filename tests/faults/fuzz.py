"""Requests made of the served OpenAPI, right ones and wrong ones; a round is a request.

Schemathesis makes them from the document that the broker itself serves, and holds every answer
against it. The streams of events are left out: they have no end that could be waited for, and
tests/broker/test_streams.py reads them. `/sub` is asked for its page only, for the same reason.
"""

import asyncio
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.faults.checker import Finding, Kind
from tests.faults.client_log import profile
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.link import Call, Link
from tests.faults.load import CATEGORIES
from tests.faults.product import Place, Product
from tests.support.memory import MEBIBYTE, resident

BROKER = ("-m", "notefly", "broker")
ENDLESS = {"/v1/events"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
WEIGHTS = (("body", 8), ("query", 4), ("path_parameters", 2))
WARM_UP = 300
"""Requests after which what the process keeps for itself is there."""
GROWTH = 20 * MEBIBYTE
PATIENCE_SECONDS = 20


class Fuzz:
    """One campaign against one broker."""

    def __init__(self, url: str, pid: int, number: int, known: Mapping[str, str]) -> None:
        """`known` are names by which the broker knows something, by parameter or field."""
        self.tally = Tally()
        self._url = url
        self._pid = pid
        self._seed = number
        self._session = requests.Session()
        self._known = known
        self._told: set[str] = set()
        self._before = 0

    def run(self, rounds: int) -> None:
        """Every operation in both modes, by weight."""
        document = self._session.get(f"{self._url}/openapi.json", timeout=PATIENCE_SECONDS).json()
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=self._url)
        # A made-up key would be refused before anything else is looked at.
        schema.config.generation.with_security_parameters = False
        operations = [
            operation
            for operation in (_made(found) for found in schema.get_all_operations())
            if operation.path not in ENDLESS
        ]
        total = sum(map(_weight, operations))
        # The last ones make up for what others could not use.
        for operation in sorted(operations, key=_weight):
            share = (rounds - self.tally.rounds) * _weight(operation) // total
            total -= _weight(operation)
            self._operation(operation, max(1, share))
        self.tally.counts["operations"] = len(operations)
        self._memory()

    def _operation(self, operation: Any, share: int) -> None:
        began = self.tally.rounds
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            left = share - (self.tally.rounds - began)
            wanted = left // 2 if mode is GenerationMode.NEGATIVE else left
            if wanted < 1:
                continue
            try:
                self._requests(operation, mode, wanted)
            except Unsatisfiable:
                # Nothing that could be sent is wrong there: any text is an id of some kind.
                self.tally.counts["operations without wrong input"] += 1

    def _requests(self, operation: Any, mode: GenerationMode, wanted: int) -> None:
        @seed(self._seed)
        @settings(
            max_examples=wanted,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: "Case[Any]") -> None:
            self._one(case)

        ask()

    def _one(self, case: "Case[Any]") -> None:
        self.tally.rounds += 1
        if self.tally.rounds % 2:
            self._reach(case)
        if case.path == "/sub":
            case.headers["Accept"] = "text/html"
        response = case.call(session=self._session, timeout=PATIENCE_SECONDS)
        self.tally.counts[f"{response.status_code // 100}xx"] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._wrong(case, response.status_code, failure)
        if self.tally.rounds == WARM_UP:
            self._before = resident(self._pid)

    def _reach(self, case: "Case[Any]") -> None:
        """Every other request is about something that exists, so that more than 404 is seen."""
        for part in (case.path_parameters, case.query, case.body):
            if isinstance(part, dict):
                part.update({name: self._known[name] for name in part if name in self._known})

    def _wrong(self, case: "Case[Any]", status: int, failure: Failure | Exception) -> None:
        """Each way to be wrong once: the request that shows it is the thing to look at."""
        kind = f"{case.operation.label} {status} {type(failure).__name__}"
        if kind not in self._told:
            self._told.add(kind)
            told = f"{kind}: {failure}; {case.as_curl_command()}"
            self.tally.findings.append(Finding(Kind.UNDOCUMENTED, told))

    def _memory(self) -> None:
        grown = max(0, resident(self._pid) - self._before) if self._before else 0
        self.tally.measured["memory"] = f"+{grown / MEBIBYTE:.1f} MiB (≤ {GROWTH // MEBIBYTE})"
        if grown > GROWTH:
            told = f"the broker grew by {grown / MEBIBYTE:.1f} MiB"
            self.tally.findings.append(Finding(Kind.BOUND, told))


def _made(found: Any) -> Any:
    """An operation; raises what is wrong with the document."""
    return found.ok()


def _weight(operation: Any) -> int:
    """The more can be wrong, the more is tried."""
    return 1 + sum(weight for part, weight in WEIGHTS if len(getattr(operation, part)))


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    place = Place.make(root / "store")
    product = Product(place, CATEGORIES, BROKER)
    try:
        await product.ready()
        known = await _somebody(product.port)
        fuzz = Fuzz(f"http://127.0.0.1:{product.port}", product.pid, seed, known)
        await asyncio.to_thread(fuzz.run, rounds)
        fuzz.tally.findings += _complaints(place)
        if words := await product.stop():
            fuzz.tally.findings.append(Finding(Kind.ORPHAN, words))
    finally:
        await product.kill()
    if not fuzz.tally.findings:
        shutil.rmtree(place.root)
    return fuzz.tally


async def _somebody(port: int) -> Mapping[str, str]:
    """Whoever asks for lists shall find something in them; what the last of it is called."""
    link = Link(port)
    who = message = ""
    for number in range(20):
        who = f"somebody-{number}"
        choices = {"categories": list(CATEGORIES[1:]), "channels": ["sms", "email"]}
        body = json.dumps(profile(who) | choices).encode()
        await link.ask(Call("PUT", f"/v1/subscribers/{who}", body))
        goal = json.dumps({"category": CATEGORIES[1], "body": "x"}).encode()
        message = (await link.ask(Call("POST", "/v1/messages", goal))).body["id"]
    link.close()
    return {
        "subscriber_id": who,
        "subscriber": who,
        "message_id": message,
        "message": message,
        "delivery_id": f"{message}.sms.1",
        "category": CATEGORIES[1],
        "channel": "sms",
        "name": "sms",
    }


def _complaints(place: Place) -> Iterator[Finding]:
    """What the broker itself calls an error, whatever it answered."""
    for line in place.words.read_text(errors="replace").splitlines():
        if "ERROR" in line or "Traceback" in line:
            yield Finding(Kind.ERROR, line)


FAULT = Fault(
    name="fuzz",
    expected="0 answers of 5xx, 0 undocumented statuses, 0 answers that break their schema",
    rounds=Rounds(ci=1_000, short=20_000, long=200_000),
    run=run,
)
