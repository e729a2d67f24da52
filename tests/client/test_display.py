"""What the broker tells, arranged for the eye."""

from notefly.client.display import BAR_WIDTH, by_message, excerpt, grid, label, moment, strips


def test_a_bar_is_filled_in_the_order_in_which_things_end() -> None:
    counts = {"pending": 2, "delivered": 5, "dead": 1, "retrying": 2, "sending": 0}
    (strip,) = strips({"deliveries": {"by_channel": {"sms": counts}}})
    assert (strip.total, strip.ended) == (10, 6)
    assert [piece.state for piece in strip.pieces] == ["delivered", "dead", "retrying", "pending"]
    assert [piece.start for piece in strip.pieces] == [0, 500, 600, 800]
    assert sum(piece.width for piece in strip.pieces) == BAR_WIDTH
    assert strip.words == "5 delivered, 1 dead, 2 retrying, 2 pending"


def test_a_bar_of_nobody() -> None:
    (strip,) = strips({"deliveries": {"by_channel": {"sms": {"delivered": 0}}}})
    assert (strip.total, list(strip.pieces), strip.words) == (0, [], "nobody")


def test_the_grid_has_a_row_for_everybody() -> None:
    ada = {"subscriber_id": "ada", "channel": "sms"}
    ben = {"subscriber_id": "ben", "channel": "email"}
    gone = {"subscriber_id": None, "channel": "email"}
    shown = grid([ben, ada, gone])
    assert shown.channels == ["email", "sms"]
    assert shown.rows == [("ada", [None, ada]), ("ben", [ben, None]), ("erased", [gone, None])]


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
