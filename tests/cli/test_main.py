"""Exit codes and sentences of the program as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from syncd import __version__
from syncd.cli.exits import CliError, Exit, exit_code
from syncd.cli.main import VERBS, Program, Verb, main
from syncd.config.problems import ConfigError
from syncd.config.secret import SecretError
from syncd.cycle import ServerMismatch
from syncd.sources.errors import AuthError, InvalidResponseError, NotFoundError, RefusedError, TransientError
from syncd.store import (
    LinkExists,
    RowDamaged,
    StoreBusy,
    StoreForeign,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreNeedsUpgrade,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)
from tests.cli.house import ROOT, House


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["stauts"], 64, "Did you mean 'status'?", id="a verb with a typing error"),
        pytest.param(["links", "lst"], 64, "lst", id="a verb of a group with a typing error"),
        pytest.param(["status", "--helth"], 64, "--helth", id="an unknown option"),
        pytest.param(["links", "add", "x", "ENG-1"], 64, "no ticket number", id="no ticket number"),
        pytest.param(["links", "add", "35", "ENG"], 64, "no issue key", id="no issue key"),
        pytest.param(["explain", "hello world"], 64, "no ticket number", id="neither ticket nor bug"),
        pytest.param(["conflicts", "resolve", "1"], 64, "--take", id="a choice left out"),
        pytest.param(["once", "--accept", "nope"], 64, "there are: nova, ops", id="a route that is not there"),
        pytest.param(["intents", "retry", "xyz"], 64, "digits and a to f", id="no intent's id"),
        pytest.param(["status"], 78, "no store", id="no store yet"),
        pytest.param(["restore", "nothing.db"], 78, "no file", id="a backup that is not there"),
        pytest.param(["backup", "nowhere/x.db"], 64, "no folder", id="a folder that is not there"),
        pytest.param(["run", "--clock", "https://x.example"], 64, "--clock", id="a clock on another machine"),
        pytest.param(["run", "--clock", "http://127.0.0.1:9"], 75, "sandbox", id="a clock that does not answer"),
    ],
)
def test_a_mistake_gets_a_sentence_and_an_exit_code(house: House, words: list[str], code: int, said: str) -> None:
    answer = house.syncd(*words)
    assert (answer.code, said in answer.err) == (code, True), answer
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_a_clock_is_refused_when_a_server_is_not_on_this_machine(house: House) -> None:
    house.configure(jira="https://acme.atlassian.net")
    answer = house.syncd("run", "--clock", house.sandbox.control_url)
    assert answer.code == 64
    assert "must be on this machine" in answer.err


def test_a_missing_configuration_says_how_to_make_one(tmp_path: Path, house: House) -> None:
    house.config = tmp_path / "none.yaml"
    answer = house.syncd("status")
    assert answer.code == 78
    assert "syncd init" in answer.err


def test_the_configuration_is_named_before_or_after_the_verb_or_by_the_environment(house: House) -> None:
    path = str(house.config)
    house.fine("once")
    for words in (["--config", path, "status", "--health"], ["status", "--health", "--config", path]):
        assert house.syncd(*words, config=False).code == 0
    house.environ["SYNCD_CONFIG"] = path
    assert house.syncd("status", "--health", config=False).code == 0


def test_every_verb_has_help() -> None:
    program = Program("syncd")
    context = click.Context(program)
    for name in VERBS:
        command = program.get_command(context, name)
        assert command is not None
        assert command.help, name
        assert command.help[0].isupper(), name


@pytest.mark.parametrize("debug", [False, True])
def test_a_defect_is_one_sentence_and_a_traceback_only_on_request(debug: bool) -> None:
    @click.command(cls=Verb)
    def broken() -> None:
        raise KeyError("access_token=very-secret-thing")

    class Broken(Program):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            return broken

    result = CliRunner().invoke(Broken("syncd", callback=lambda: None), ["run", *(["--debug"] if debug else [])])
    assert result.exit_code == 70
    assert "bug in syncd" in result.stderr
    assert ("Traceback" in result.stderr) is debug
    assert "very-secret-thing" not in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CliError("x", Exit.USAGE), 64),
        (ConfigError([]), 78),
        (SecretError("x"), 78),
        (ServerMismatch("x"), 78),
        (StoreLocked("x"), 75),
        (StoreBusy("x"), 75),
        (StoreFull("x"), 75),
        (StoreUnreachable("x"), 75),
        (StoreMissing("x"), 78),
        (StoreForeign("x"), 78),
        (StoreTooNew("x"), 78),
        (StoreNeedsUpgrade("x"), 78),
        (StoreReadOnly("x"), 78),
        (RowDamaged("link", "1"), 78),
        (LinkExists("x", 1), 1),
        (AuthError("x"), 1),
        (RefusedError("x"), 1),
        (NotFoundError("x"), 1),
        (TransientError("x"), 75),
        (InvalidResponseError("x"), 75),
        (RuntimeError("x"), 70),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "version"], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.startswith("syncd ")) == (0, True), done.stderr


def test_the_version_is_an_option_too() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"syncd {__version__}\n")


def test_completion_knows_the_verbs() -> None:
    result = CliRunner().invoke(Program("syncd", callback=lambda: None), ["completion", "bash"])
    assert result.exit_code == 0
    assert "_SYNCD_COMPLETE" in result.stdout
