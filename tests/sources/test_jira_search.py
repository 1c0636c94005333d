"""Walks through searches, and the JQL they ask with."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.sources.errors import InvalidResponseError
from syncd.sources.jira_search import (
    EMPTY_PAGES,
    PAGES,
    Walk,
    changed_jql,
    ids_jql,
    next_on_cloud,
    next_on_data_center,
    quoted,
)

WALK = Walk(("A", "B"), ("A", "B"), since=10_500)


class TestJql:
    def test_one_query_for_a_group_bounded_below_by_a_number(self) -> None:
        jql = 'project in ("A", "B") AND updated >= 10500 ORDER BY updated ASC, key ASC'
        assert changed_jql(["A", "B"], 10_500) == jql

    def test_ids(self) -> None:
        assert ids_jql(["1", "2"]) == "id in (1, 2) ORDER BY id ASC"

    @given(st.text())
    def test_no_text_leaves_its_quotes(self, text: str) -> None:
        jql = quoted(text)
        assert re.fullmatch(r'"(?:[^"\\\x00-\x1f]|\\["\\])*"', jql)


class TestCursor:
    def test_goes_on_where_it_stood(self) -> None:
        walk = Walk(("A", "B"), ("A",), 5, token="t", start=3, pages=2, empty=1, seen=("x",))
        assert Walk.decode(walk.encode(), ["A", "B"]) == walk

    @pytest.mark.parametrize(
        "cursor",
        [
            pytest.param(None, id="there is none"),
            pytest.param("", id="it is empty"),
            pytest.param("abc", id="it is another format's"),
            pytest.param("[2,[],[],0,null,0,0,0,[]]", id="it is a later version's"),
            pytest.param("[1,5,[],0,null,0,0,0,[]]", id="its parts are of the wrong kind"),
            pytest.param(Walk(("A",), ("A",), 5).encode(), id="it was begun for other projects"),
        ],
    )
    def test_begins_anew_when(self, cursor: str | None) -> None:
        assert Walk.decode(cursor, ["A", "B"]) is None


class TestCloud:
    def test_ends_where_no_token_is_given_whatever_is_last_says(self) -> None:
        assert next_on_cloud(WALK, {"isLast": False}, 100) is None

    def test_goes_on_with_the_token_whatever_is_last_and_the_size_of_the_page_say(self) -> None:
        onward = next_on_cloud(WALK, {"isLast": True, "nextPageToken": "t1"}, 1)
        assert onward is not None
        assert (onward.token, onward.since, onward.jql) == ("t1", WALK.since, WALK.jql)

    def test_a_token_that_comes_again_is_an_error(self) -> None:
        first = next_on_cloud(WALK, {"nextPageToken": "t1"}, 5)
        assert first is not None
        second = next_on_cloud(first, {"nextPageToken": "t2"}, 5)
        assert second is not None
        with pytest.raises(InvalidResponseError, match="repeats"):
            next_on_cloud(second, {"nextPageToken": "t1"}, 5)

    @pytest.mark.parametrize(("rows", "pages"), [(0, EMPTY_PAGES), (1, PAGES)], ids=["empty pages", "full pages"])
    def test_a_walk_without_end_is_an_error(self, rows: int, pages: int) -> None:
        walk = WALK
        for number in range(pages - 1):
            onward = next_on_cloud(walk, {"nextPageToken": f"t{number}"}, rows)
            assert onward is not None
            walk = onward
        with pytest.raises(InvalidResponseError, match="no end"):
            next_on_cloud(walk, {"nextPageToken": "another"}, rows)

    def test_a_token_that_is_no_text_is_an_error(self) -> None:
        with pytest.raises(InvalidResponseError):
            next_on_cloud(WALK, {"nextPageToken": 5}, 1)


class TestDataCenter:
    @pytest.mark.parametrize(
        ("answer", "updated", "since", "start"),
        [
            pytest.param({"total": 9}, [10_600, 12_300], 12_000, 0, id="asks anew from the last row's second"),
            pytest.param({"total": 9}, [10_600, 10_900], 10_500, 2, id="counts on while rows share the second"),
            pytest.param({}, [11_000, 12_300], 12_000, 0, id="goes on when no total is told"),
            pytest.param({"total": 9}, [], 10_500, 2, id="counts on when no row told its time"),
        ],
    )
    def test_goes_on(self, answer: dict[str, int], updated: list[int], since: int, start: int) -> None:
        onward = next_on_data_center(WALK, answer, 2, updated)
        assert onward is not None
        assert (onward.since, onward.start) == (since, start)

    def test_ends_with_an_empty_page_even_when_the_total_promises_more(self) -> None:
        assert next_on_data_center(WALK, {"total": 9}, 0, []) is None

    def test_ends_when_the_total_is_reached(self) -> None:
        assert next_on_data_center(WALK, {"total": 2}, 2, [11_000, 12_000]) is None

    def test_a_last_row_that_changed_after_it_was_indexed_does_not_carry_the_bound_away(self) -> None:
        updated = [*range(20_000, 119_000, 1000), 5_000_000]
        onward = next_on_data_center(WALK, {"total": 500}, 100, updated)
        assert onward is not None
        assert onward.since == 110_000

    def test_the_offset_lags_behind_a_full_page_since_rows_that_change_leave_the_list(self) -> None:
        onward = next_on_data_center(WALK, {"total": 500}, 100, [10_600] * 100)
        assert onward is not None
        assert onward.start == 90
