"""Reading YAML: what values become, where they stand, and what cannot happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config.problems import KeyPath, Problem
from syncd.config.yamlfile import MAX_BYTES, Place, read_yaml
from syncd.config.yamltext import flow_list, scalar
from syncd.core.model import Json


def data_of(text: str) -> Json:
    document, problems = read_yaml(text.encode(), "x.yaml")
    assert not problems
    assert document is not None
    return document.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("No", "No", id="No is a name, not a truth value"),
        pytest.param("on", "on", id="on is a name"),
        pytest.param("true", True, id="true is a truth value"),
        pytest.param("2026-11-22", "2026-11-22", id="a date stays text"),
        pytest.param("1:30", "1:30", id="nothing is sexagesimal"),
        pytest.param("017", "017", id="a leading zero keeps a text a text"),
        pytest.param("1_000", "1_000", id="an underscore keeps a text a text"),
        pytest.param("'12'", "12", id="quotes keep digits a text"),
        pytest.param("12", 12, id="digits are a number"),
        pytest.param("0.5", 0.5, id="a fraction is a number"),
        pytest.param(".inf", ".inf", id="infinity is only a word"),
        pytest.param("9" * 5000, "9" * 5000, id="a number too long to be one stays text"),
        pytest.param("~", None, id="a tilde is nothing"),
        pytest.param("none", "none", id="none is a word"),
        pytest.param("!!str 12", "12", id="a plain tag may be written"),
    ],
)
def test_scalars_are_read_as_people_mean_them(text: str, value: Json) -> None:
    assert data_of(f"key: {text}\n") == {"key": value}


def test_keys_are_always_text() -> None:
    assert data_of("{1: a, true: b, 2.5: c, null: d}") == {"1": "a", "true": "b", "2.5": "c", "null": "d"}


def test_merged_blocks_yield_to_what_is_written() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {<<: [*a, {z: 4}]}\n"
    assert data_of(text) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 1, "y": 2, "z": 4}}


TEXT = "a:\n  - b: 1\n    c: [x, y]\n  - d\n"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param(("a",), Place(1, 1), id="a key stands where its name begins"),
        pytest.param(("a", 0, "b"), Place(2, 5), id="a key in a list item"),
        pytest.param(("a", 0, "c", 1), Place(3, 12), id="an item of an inline list"),
        pytest.param(("a", 1), Place(4, 5), id="a list item"),
        pytest.param(("a", 0, "missing", "deeper"), Place(2, 5), id="what is missing stands at its block"),
    ],
)
def test_values_know_their_places(path: KeyPath, place: Place) -> None:
    document, _ = read_yaml(TEXT.encode(), "x.yaml")
    assert document is not None
    assert document.place(path) == place


def test_a_problem_in_a_value_that_was_read_as_a_list_is_shown_at_the_value() -> None:
    document, _ = read_yaml(b"stage: {bug_is: Done}", "x.yaml")
    assert document is not None
    problem = document.problem(("stage", "bug_is", 0, "status", 0), "No.")
    assert problem == Problem("x.yaml", 1, 9, "stage.bug_is", "No.")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read_yaml("a: 1".encode("utf-8-sig"), "x")[0] is not None
    assert data_of("a: ü") == {"a": "ü"}


def test_a_file_that_is_not_utf8_is_refused_where_it_is_not() -> None:
    document, problems = read_yaml(b"zendesk:\n  robots: [M\xfcller]\n", "x.yaml")
    assert document is None
    assert problems == (Problem("x.yaml", 2, 13, "", "This is not UTF-8: save the file as UTF-8."),)


def test_a_file_beyond_the_cap_is_not_parsed() -> None:
    document, problems = read_yaml(b"#" * (MAX_BYTES + 1), "x.yaml")
    assert document is None
    assert "1 MB" in problems[0].message


def test_nested_aliases_cannot_make_a_deep_document() -> None:
    steps = ["a0: &a0 [1]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60)]
    document, problems = read_yaml("\n".join(steps).encode(), "x.yaml")
    assert document is None
    assert "nested" in problems[0].message


@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@` \n\t<,?", max_size=40).map(str.encode))
def test_no_input_makes_the_reader_fail(content: bytes) -> None:
    document, problems = read_yaml(content, "x.yaml")
    assert document is not None or problems


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_written_text_reads_back_as_the_same_text(text: str) -> None:
    assert data_of(f"key: {scalar(text)}\n") == {"key": text}
    assert data_of(f"key: {flow_list([text, 'b'])}\n") == {"key": [text, "b"]}


@pytest.mark.parametrize("text", ["Won't Do", "To Do", "Selected for Development", "完成", "QA/Test"])
def test_usual_names_are_written_without_quotes(text: str) -> None:
    assert scalar(text) == text
