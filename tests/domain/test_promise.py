from notefly.domain.promise import INVARIANTS


def test_every_invariant_has_its_words() -> None:
    assert list(INVARIANTS) == [f"I{n}" for n in range(1, len(INVARIANTS) + 1)]
    assert len(INVARIANTS) == 10
    assert all(words.strip() for words in INVARIANTS.values())
