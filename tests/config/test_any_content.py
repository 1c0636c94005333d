"""Whatever stands in a file: it loads, or it is refused in sentences. Nothing else ever comes out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.config.compile import compile_mapping
from syncd.config.load import load_config, packaged_mappings, parse_mapping
from syncd.config.problems import ConfigError
from syncd.config.yamlfile import read_yaml

EXAMPLE = Path(__file__).parents[2] / "config.yaml"
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(-2, 2)
    | st.sampled_from(["", "note", "any", "none", "solved→open", "tag:x", "${X}", "queued", "To Do", "http://x", "\n"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "status", "1"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def data_of(file: Path) -> Any:
    document, _ = read_yaml(file.read_bytes(), file.name)
    assert document is not None
    return document.data


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def changed(draw: st.DrawFn, data: Any) -> Any:
    """The data with up to three places replaced, removed or joined by an unknown key."""
    result = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(result)[1:] or [()]))
        if not path:
            return result
        parent = result
        for part in path[:-1]:
            parent = parent[part]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                parent[path[-1]] = draw(JUNK)
            case "remove":
                del parent[path[-1]]
            case _ if isinstance(parent, dict):
                parent[draw(st.sampled_from(["token", "stauts", "bug_is", "Ω"]))] = draw(JUNK)
    return result


def assert_sentences(error: ConfigError) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.message.endswith((".", "?")), problem
        assert "\n" not in str(problem)
        assert problem.line is not None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_config_loads_or_is_refused_in_sentences(tmp_path_factory: Any, data: st.DataObject) -> None:
    content = data.draw(st.composite(lambda draw: changed(draw, data_of(EXAMPLE)))())
    file = tmp_path_factory.getbasetemp() / "config.yaml"
    file.write_text(json.dumps(content))
    try:
        load_config(file, {})
    except ConfigError as error:
        assert_sentences(error)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_mapping_compiles_or_is_refused_in_sentences(data: st.DataObject) -> None:
    mapping = data_of(packaged_mappings() / "default.yaml")
    content = data.draw(st.composite(lambda draw: changed(draw, mapping))())
    try:
        compiled = compile_mapping(parse_mapping(json.dumps(content)), project=None, desk=None)
    except ConfigError as error:
        assert_sentences(error)
        return
    assert len(compiled.mapping.stages) == len(content["stages"])
    for problem in (*compiled.errors, *compiled.warnings):
        assert problem.message.endswith((".", "?"))
