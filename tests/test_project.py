"""What holds for all of the source: no clock in the pure parts, no patching in tests, no overlong module.

Each rule is a function from source text to a list of offences, so that a second table can show that every rule bites.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = ("core", "sla", "rules")
MAX_LINES = 499
# A quoted word is data (Jira has a category of that name), any other a note.
LEFTOVER = re.compile(
    r"(?<![\"'])\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|NotImplemented" + r"Error)\b(?![\"'])|pragma: *no " + "cover"
)
# Modules that read a clock, draw lots, touch the machine or write a log. `include_external_packages` of import-linter
# sees third-party packages only, so the standard library is looked after here.
IMPURE = (
    *("asyncio", "concurrent", "glob", "http", "io", "locale", "logging", "multiprocessing", "os", "pathlib"),
    *("platform", "random", "secrets", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "sys"),
    *("tempfile", "threading", "time", "urllib.request", "uuid"),
)
CLOCK = re.compile(r"(^|\.)(date|datetime)\.(now|today|utcnow)$")
MOCKS = ("unittest.mock", "mock", "pytest_mock")


def python_files(*folders: str) -> list[Path]:
    """The Python files below these folders of the project, in a fixed order; folders that do not exist have none."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def dotted(node: ast.expr) -> str:
    """`datetime.datetime.now` for the expression of that name, else "" for whatever is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def attributes(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every dotted name that is used, called or not, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := dotted(node)):
            yield name, node.lineno


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name; a method of something nameless is called ".method"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            method = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else ""
            yield dotted(node.func) or method, node


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module and name, dotted, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def within(name: str, modules: tuple[str, ...]) -> bool:
    """Whether this dotted name is one of these modules or lies in one."""
    return any(f"{name}.".startswith(f"{module}.") for module in modules)


def impurities(source: str) -> list[str]:
    """What lets a clock, chance or the machine into a function that must depend on its arguments only."""
    tree = ast.parse(source)
    found = [f"line {line}: imports {name}" for name, line in imports(tree) if within(name, IMPURE)]
    found += [f"line {line}: {name}" for name, line in attributes(tree) if CLOCK.search(name)]
    for name, call in calls(tree):
        uses_host_zone = name.endswith(".astimezone") and not call.args and not call.keywords
        if uses_host_zone or name in {"open", "print", "input", "hash", "id"}:
            found.append(f"line {call.lineno}: calls {name}()")
    return found


def patching(source: str) -> list[str]:
    """Tests replace a collaborator by handing another one in, never by patching a module behind its back."""
    tree = ast.parse(source)
    found = [f"line {line}: imports {name}" for name, line in imports(tree) if within(name, MOCKS)]
    patchers = {"monkeypatch.setattr", "mocker.patch", "mock.patch", "patch.object"}
    return found + [f"line {line}: {name}" for name, line in attributes(tree) if name in patchers]


def sleeping(source: str) -> list[str]:
    """A test that sleeps is slow on a good day and fails on a bad one."""
    tree = ast.parse(source)
    return [f"line {line}: {name}" for name, line in [*imports(tree), *attributes(tree)] if name == "time.sleep"]


def leftovers(source: str) -> list[str]:
    """Notes to self: either it is done or it is an issue."""
    return [f"line {n}: {line.strip()}" for n, line in enumerate(source.splitlines(), 1) if LEFTOVER.search(line)]


def too_long(source: str) -> list[str]:
    """A module that needs more lines has two subjects."""
    lines = len(source.splitlines())
    return [f"has {lines} lines"] if lines > MAX_LINES else []


def texts() -> list[Path]:
    """What people wrote here: code, data, documents, build files."""
    folders = [ROOT / name for name in ("syncd", "tests", "migrations", "mappings", "bench", "deploy", ".ci", "docs")]
    kinds = {".py", ".yaml", ".yml", ".toml", ".md", ".service", ".mako", ".j2", ".ini", ".html", ".txt", ""}
    below = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
    return sorted(path for path in [*ROOT.iterdir(), *below] if path.is_file() and path.suffix in kinds)


RULES = [
    pytest.param(
        lambda: python_files(*(f"syncd/{name}" for name in PURE)),
        impurities,
        id="core, sla and rules read no clock, draw no lots and touch no machine",
    ),
    pytest.param(lambda: python_files("tests"), patching, id="no test patches a module behind its back"),
    pytest.param(lambda: python_files("tests"), sleeping, id="no test sleeps"),
    pytest.param(texts, leftovers, id="nothing is left undone with a note to self"),
    pytest.param(
        lambda: python_files("syncd", "tests", "migrations", "bench"), too_long, id="every module is under 500 lines"
    ),
]


@pytest.mark.parametrize(("files", "rule"), RULES)
def test_rule_of_the_source(files: Callable[[], list[Path]], rule: Callable[[str], list[str]]) -> None:
    offences = [
        f"{path.relative_to(ROOT)} {offence}" for path in files() for offence in rule(path.read_text(encoding="utf-8"))
    ]
    assert offences == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        pytest.param(impurities, "import time", id="the clock module"),
        pytest.param(impurities, "from uuid import uuid4", id="a name from the module of random ids"),
        pytest.param(impurities, "import urllib.request", id="a submodule that reaches the network"),
        pytest.param(impurities, "datetime.now(UTC)", id="the present, even with a zone"),
        pytest.param(impurities, "datetime.datetime.utcnow()", id="the present through the module"),
        pytest.param(impurities, "date.today()", id="today"),
        pytest.param(impurities, "field(default_factory=datetime.now)", id="the clock handed on without a call"),
        pytest.param(impurities, "moment.astimezone()", id="the host's time zone"),
        pytest.param(impurities, "at(1).astimezone()", id="the host's time zone on a call's result"),
        pytest.param(impurities, "hash('x')", id="a hash that differs in each process"),
        pytest.param(patching, "from unittest.mock import patch", id="mock"),
        pytest.param(
            patching, "def test_x(monkeypatch):\n    monkeypatch.setattr(a, 'b', c)", id="monkeypatch.setattr"
        ),
        pytest.param(sleeping, "import time\ntime.sleep(1)", id="time.sleep"),
        pytest.param(sleeping, "from time import sleep", id="sleep imported by name"),
        pytest.param(leftovers, "x = 1  # TO" + "DO: more", id="a note to self"),
        pytest.param(too_long, "x\n" * 500, id="500 lines"),
    ],
)
def test_the_rule_bites(rule: Callable[[str], list[str]], source: str) -> None:
    assert len(rule(source)) == 1


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        pytest.param(impurities, "from datetime import datetime\nfrom zoneinfo import ZoneInfo", id="time arithmetic"),
        pytest.param(impurities, "from urllib.parse import quote", id="the pure half of urllib"),
        pytest.param(impurities, "moment.astimezone(zone)", id="a named zone"),
        pytest.param(impurities, "class Clock:\n    def now(self): ...", id="the port that hands the clock in"),
        pytest.param(
            patching, "def test_x(monkeypatch):\n    monkeypatch.setenv('A', 'b')", id="an environment variable"
        ),
        pytest.param(leftovers, "stage: To Do", id="Jira's status To Do"),
        pytest.param(leftovers, 'category = "TO' + 'DO"', id="a category's key as data"),
        pytest.param(too_long, "x\n" * 499, id="499 lines"),
    ],
)
def test_the_rule_lets_pass(rule: Callable[[str], list[str]], source: str) -> None:
    assert rule(source) == []


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    odd = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
    assert [str(path.relative_to(ROOT)) for path in python_files("syncd") if path.name in odd] == []
