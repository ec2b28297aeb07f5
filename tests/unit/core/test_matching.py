"""Which names somebody means."""

from __future__ import annotations

from grpctap.core.matching import match_letters, matching


def test_words_go_before_letters() -> None:
    names = ["feed.v1.Quotes/Watch", "feed.v1.Admin/Drain"]
    assert list(matching("watch", names)) == names[:1]
    assert list(matching("fdrain", names)) == names[1:]
    assert matching("zz", names) == {}


def test_letters_stand_one_after_the_other() -> None:
    assert match_letters("bd", "abcd") == [(1, 2), (3, 4)]
    assert match_letters("db", "abcd") is None


def test_a_name_without_end_is_looked_through_once() -> None:
    # With a search that tries all ways to place the letters, this would take years.
    assert match_letters("healthx", "health" * 10_000) is None
