"""Nobody can be found in what is kept of a channel's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import DETAIL_LIMIT, Delivered, Outcomes, Refused, Retry
from notefly.domain.redaction import REDACTED, anonymous, redacted

ADA = Recipient(SubscriberKey(1), "crm-71", "Ada Lovelace", "ada@example.org")
BOB = Recipient(SubscriberKey(2), "b", "", "+4915112345678")
EVA = Recipient(SubscriberKey(3), "eva", "Éva Nagy", "tök/en+7")


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ("550 no mailbox <ada@example.org>", f"550 no mailbox <{REDACTED}>"),
        ("550 no mailbox ADA@EXAMPLE.ORG!", f"550 no mailbox {REDACTED}!"),
        ("GET /to/ada%40example.org failed", f"GET /to/{REDACTED} failed"),
        ("to=4915112345678&x=1", f"to={REDACTED}&x=1"),
        ("to=+4915112345678 twice: +4915112345678", f"to={REDACTED} twice: {REDACTED}"),
        ("to=%2B4915112345678", f"to={REDACTED}"),
        ("crm-71 (Ada Lovelace) bounced", f"{REDACTED} ({REDACTED}) bounced"),
        ("to b: bad box b", f"to {REDACTED}: bad box {REDACTED}"),
        (r'{"name": "\u00c9va Nagy", "to": "t\u00f6k/en+7"}', None),
        ("t%C3%B6k%2Fen%2B7 is gone", f"{REDACTED} is gone"),
        ("nobody is named here", "nobody is named here"),
        ("", ""),
    ],
)
def test_whoever_was_handed_over_is_not_named(detail: str, kept: str | None) -> None:
    wanted = f'{{"name": "{REDACTED}", "to": "{REDACTED}"}}' if kept is None else kept
    assert redacted(detail, [ADA, BOB, EVA]) == wanted


@pytest.mark.parametrize("left", range(4, len(ADA.address)))
def test_an_address_that_was_cut_in_its_middle(left: int) -> None:
    padding = "x" * (DETAIL_LIMIT - left - 5) + "ada@ "
    cut = (padding + ADA.address)[:DETAIL_LIMIT]
    assert redacted(cut, [BOB, ADA]) == padding
    assert redacted(padding + ADA.address + "more", [ADA]) == padding


def test_a_long_text_without_anybody_is_only_bounded() -> None:
    assert redacted("x" * 2_000, [ADA, BOB]) == "x" * DETAIL_LIMIT


def test_a_short_trace_cuts_nothing_off() -> None:
    assert redacted("b" * DETAIL_LIMIT, [BOB]) == "b" * DETAIL_LIMIT


def test_every_kind_of_answer_and_everybody_of_whom_the_same_was_said() -> None:
    said = "ada@example.org and +4915112345678 do not answer"
    found = anonymous(
        Outcomes(
            Retry("ConnectionError: +4915112345678", 3.0),
            {
                ADA.subscriber: Refused(said),
                BOB.subscriber: Refused(said),
                EVA.subscriber: Delivered("id-9"),
            },
        ),
        [ADA, BOB, EVA],
    )
    nobody = Refused(f"{REDACTED} and {REDACTED} do not answer")
    assert found == Outcomes(
        Retry(f"ConnectionError: {REDACTED}", 3.0),
        {ADA.subscriber: nobody, BOB.subscriber: nobody, EVA.subscriber: Delivered("id-9")},
    )


def test_nothing_said_is_nothing_to_hide() -> None:
    quiet = Outcomes(Delivered(), {ADA.subscriber: Delivered(), BOB.subscriber: Retry("busy")})
    assert anonymous(quiet, [ADA, BOB]) == quiet
    mixed = Outcomes(Delivered(), {ADA.subscriber: Delivered(), BOB.subscriber: Retry("box b")})
    assert anonymous(mixed, [ADA, BOB]).exceptions == {
        ADA.subscriber: Delivered(),
        BOB.subscriber: Retry(f"box {REDACTED}"),
    }


TEXTS = st.text(st.sampled_from("aAbΣςİ+1 %\\\0\1"), max_size=5)


@given(
    st.lists(
        st.tuples(TEXTS, TEXTS, TEXTS, TEXTS.filter(bool)), max_size=4, unique_by=lambda r: r[3]
    )
)
def test_of_many_each_is_kept_as_of_one(rows: list[tuple[str, str, str, str]]) -> None:
    people = [Recipient(SubscriberKey(key), *traces) for key, (*traces, _) in enumerate(rows, 1)]
    said = {one.subscriber: Retry(row[3]) for one, row in zip(people, rows, strict=True)}
    for order in (people, people[::-1]):
        found = anonymous(Outcomes(Retry("aΣ"), said), order)
        assert found.default.detail == redacted("aΣ", order)
        for person in people:
            kept = found.exceptions[person.subscriber].detail
            assert kept == redacted(said[person.subscriber].detail, [person])


def test_an_answer_about_somebody_else_is_left_to_whoever_drops_it() -> None:
    stranger = Outcomes(Delivered(), {SubscriberKey(9): Refused("who?")})
    assert anonymous(stranger, [ADA]) == stranger
