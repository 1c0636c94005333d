"""What holds for the locks, the image and the unit that syncd is delivered with."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def locked(name: str) -> dict[str, str]:
    """The requirements of a lock file, one logical line each: canonical project name → the whole entry."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {canonicalize_name(re.split(r"[=<>!~;@\[ ]", entry, maxsplit=1)[0]): entry for entry in entries}


def pinned(entry: str) -> str:
    """The version that a lock entry pins."""
    match = re.match(r"[A-Za-z0-9._-]+==([^ ;]+)", entry)
    assert match, f"no version pinned: {entry[:80]}"
    return match.group(1)


def declared() -> tuple[list[Requirement], list[Requirement]]:
    """What pyproject.toml asks for: to run (with every extra), and to develop."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    return (
        [Requirement(text) for text in [*project["dependencies"], *extras]],
        [Requirement(text) for text in pyproject["dependency-groups"]["dev"]],
    )


LOCKS = [
    pytest.param("requirements.lock", id="the lock for development"),
    pytest.param("requirements-run.lock", id="the lock of what runs"),
]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_of_the_lock_is_pinned_and_hashed(lock: str) -> None:
    entries = locked(lock)
    assert entries
    assert [entry for entry in entries.values() if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []
    assert [entry for entry in entries.values() if not pinned(entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_place_to_download_from(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"(?m)^ *--?(?!-?hash=).*$|\S*://\S*|\S+ @ \S+", text) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_every_dependency_that_syncd_runs_on(lock: str) -> None:
    entries, (runtime, _) = locked(lock), declared()
    for requirement in runtime:
        name = canonicalize_name(requirement.name)
        assert name in entries, f"{name} is missing: run make lock"
        assert requirement.specifier.contains(pinned(entries[name])), f"{name}: run make lock"


def test_the_lock_for_development_satisfies_every_tool() -> None:
    entries, (_, tools) = locked("requirements.lock"), declared()
    for requirement in tools:
        name = canonicalize_name(requirement.name)
        assert name in entries, f"{name} is missing: run make lock"
        assert requirement.specifier.contains(pinned(entries[name])), f"{name}: run make lock"


def test_what_runs_is_what_was_tested() -> None:
    tested = locked("requirements.lock")
    assert {name: tested.get(name) for name in locked("requirements-run.lock")} == locked("requirements-run.lock")


def test_no_tool_of_development_runs_in_production() -> None:
    runtime, tools = declared()
    only_tools = {canonicalize_name(tool.name) for tool in tools} - {canonicalize_name(need.name) for need in runtime}
    assert only_tools.isdisjoint(locked("requirements-run.lock"))


# ---- deployment ------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def final_stage() -> dict[str, str]:
    """The last value of each instruction after the last FROM."""
    found = instructions()
    last_from = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return dict(found[last_from:])


def test_the_image_runs_as_a_numbered_user_that_is_not_root() -> None:
    user = final_stage()["USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), user


def test_the_image_asks_syncd_itself_for_its_health() -> None:
    assert re.search(r'CMD \["syncd", "status", "--health"', final_stage()["HEALTHCHECK"])


def test_the_image_starts_syncd_without_a_shell_between() -> None:
    stage = final_stage()
    assert stage["ENTRYPOINT"] == '["syncd"]'
    assert stage["CMD"].startswith('["run"')
    assert stage["STOPSIGNAL"] == "SIGTERM"


def test_the_image_installs_hashed_requirements_only() -> None:
    installs = [step for _, rest in instructions() for step in rest.split("&&") if "pip install" in step]
    assert installs
    assert [step for step in installs if "--require-hashes" not in step and "--no-index" not in step] == []


def test_the_unit_restarts_syncd_except_on_errors_that_a_restart_cannot_mend() -> None:
    lines = (ROOT / "deploy" / "syncd.service").read_text(encoding="utf-8").splitlines()
    assert "Restart=always" in lines
    assert "RestartPreventExitStatus=64 78" in lines  # usage and config errors; see syncd's exit codes


def test_every_group_of_settings_in_the_unit_begins_with_its_reason() -> None:
    text = (ROOT / "deploy" / "syncd.service").read_text(encoding="utf-8")
    says_it_itself = {"Description", "WantedBy"}
    unexplained, before = [], ""
    for line in text.splitlines():
        starts_a_group = not before or before.startswith("[")
        if starts_a_group and "=" in line and line[0] != "#" and line.partition("=")[0] not in says_it_itself:
            unexplained.append(line)
        before = line
    assert unexplained == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd-analyze")
def test_systemd_rates_the_unit_as_well_confined() -> None:
    unit = ROOT / "deploy" / "syncd.service"
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    rating = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # a fixed command
    assert rating.returncode == 0, rating.stdout.splitlines()[-1:] + rating.stderr.splitlines()
