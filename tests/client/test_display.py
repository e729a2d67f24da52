"""What the broker tells, arranged for the eye."""

from notefly.client.display import (
    BAR_WIDTH,
    Step,
    by_message,
    excerpt,
    grid,
    label,
    moment,
    steps,
    strips,
)


def test_a_bar_is_filled_in_the_order_in_which_things_end() -> None:
    counts = {"pending": 2, "delivered": 5, "dead": 1, "retrying": 2, "sending": 0}
    (strip,) = strips({"deliveries": {"by_channel": {"sms": counts}}}, ["push", "sms"])
    assert (strip.total, strip.ended) == (10, 6)
    assert [piece.state for piece in strip.pieces] == ["delivered", "dead", "retrying", "pending"]
    assert [piece.start for piece in strip.pieces] == [0, 500, 600, 800]
    assert sum(piece.width for piece in strip.pieces) == BAR_WIDTH
    assert strip.words == "5 delivered, 1 dead, 2 retrying, 2 pending"


def test_a_bar_of_nobody() -> None:
    (strip,) = strips({"deliveries": {"by_channel": {"sms": {"delivered": 0}}}}, ["sms"])
    assert (strip.total, list(strip.pieces), strip.words) == (0, [], "nobody")


def test_the_grid_has_a_row_for_everybody() -> None:
    def to(key: int, channel: str, name: str | None) -> dict[str, str | None]:
        known = {"subscriber_id": name and name.lower(), "subscriber_name": name}
        return {"id": f"m.{channel}.{key}", "channel": channel, **known}

    ada, called, ben = to(1, "sms", "ada"), to(1, "email", "ada"), to(2, "email", "Ben")
    gone, lost = to(3, "email", None), to(4, "sms", None)
    shown = grid([gone, called, ben, ada, lost], ["sms", "push", "email"])
    assert shown.channels == ["sms", "email"]
    assert [cells for _, cells in shown.rows] == [
        [ada, called],
        [None, ben],
        [None, gone],
        [lost, None],
    ]


def test_done_is_not_all_well_where_something_was_given_up() -> None:
    message = {"state": "done", "batches": 1}

    def last(**by_state: int) -> Step:
        return steps(message | {"deliveries": {"total": 3, "by_state": by_state}})[-1]

    assert last(delivered=3, dead=0) == Step("Done", "3 of 3 ended", "done")
    assert last(delivered=2, dead=1) == Step("Done", "3 of 3 ended, 1 dead", "dead")


def test_the_log_is_cut_where_the_message_changes() -> None:
    lines = [{"message_id": name} for name in "aab"]
    assert [(name, len(group)) for name, group in by_message(lines)] == [("a", 2), ("b", 1)]
    assert list(by_message([])) == []


def test_times_are_for_people_and_for_scripts() -> None:
    assert moment("2026-01-31T12:00:00.123456Z") == (
        '<time datetime="2026-01-31T12:00:00.123+00:00">2026-01-31 12:00:00 UTC</time>'
    )


def test_texts_are_cut_and_channels_named() -> None:
    assert excerpt("  two\n lines ") == "two lines"
    assert excerpt("x" * 100, 10) == "xxxxxxxxx…"
    assert [label(name) for name in ("sms", "email", "push", "whatsapp")] == [
        "SMS",
        "E-mail",
        "Push",
        "Whatsapp",
    ]
