"""Files that cannot be used: each lies in bad/ with exactly what the operator is told about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config.compile import compile_mapping
from syncd.config.load import load_config, load_mapping
from syncd.config.problems import ConfigError

BAD = Path(__file__).parent / "bad"
FILES = sorted(BAD.glob("*.yaml"))


def told_about(file: Path) -> str:
    """What the operator reads, a problem a line, with the folder left out. Mappings are compiled offline."""
    lines: list[str] = []
    try:
        if file.name.startswith("mapping-") and file.stem != "mapping-that-is-missing":
            compiled = compile_mapping(load_mapping(file), project=None, desk=None)
            lines += [str(problem) for problem in compiled.errors]
            lines += [f"warning: {problem}" for problem in compiled.warnings]
        else:
            load_config(file, {})
    except ConfigError as error:
        lines += str(error).splitlines()
    return "".join(f"{line}\n" for line in lines).replace(f"{BAD}/", "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem.replace("-", " "))
def test_the_operator_is_told_exactly_this(file: Path) -> None:
    assert told_about(file) == file.with_suffix(".expected").read_text(encoding="utf-8")


def test_every_expectation_belongs_to_a_file_and_there_are_plenty() -> None:
    assert {file.stem for file in BAD.glob("*.expected")} == {file.stem for file in FILES}
    assert len(FILES) >= 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem.replace("-", " "))
def test_every_problem_is_a_sentence_without_jargon_or_secret(file: Path) -> None:
    told = told_about(file)
    assert told
    for line in told.splitlines():
        assert line.endswith((".", "?")), line
        for word in ("pydantic", "validat", "Traceback", "<class", "NoneType", "hunter2", "Error"):
            assert word not in line
