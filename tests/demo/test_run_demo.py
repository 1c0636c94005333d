"""The demo itself: real processes on loopback ports, here with a single scene."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.demo.place import DemoFailed, Place

ONE_SCENE = "import sys; from syncd.demo import run_demo, story; sys.exit(run_demo(scenes=(story.it_came_back,)))"


def _demo(folder: Path) -> subprocess.Popen[str]:
    environ = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(  # noqa: S603 - our own code, no shell
        [sys.executable, "-c", ONE_SCENE], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _left_behind(folder: Path) -> list[str]:
    """Files in the folder, and command lines of processes that work there."""
    found = [str(path) for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [command] if str(folder) in command else []
    return found


def test_one_scene_is_carried_by_the_real_daemon_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said
    assert "\n$ syncd plan --clock http://127.0.0.1:" in said
    assert "link ticket #1 and NOVA-1 (a field of the ticket names NOVA-1)" in said
    assert "Tom Becker sets #1 to open" in said
    assert "→ NOVA-1 moved to Reopened for Tom Becker" in said
    assert "agreed; tickets: 1, bugs: 1, writes: 5" in said
    assert "\x1b" not in said  # there was no terminal
    assert _left_behind(tmp_path) == []


def test_a_demo_that_is_ended_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        assert demo.stdout is not None
        said = ""
        while "$ syncd run" not in said and (line := demo.stdout.readline()):
            said += line
        demo.send_signal(signal.SIGTERM)
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGTERM, said + rest
    assert _left_behind(tmp_path) == []


def test_a_daemon_that_does_not_start_is_no_reason_to_wait() -> None:
    with Place() as place:
        place.config.write_text("routes: []\n", encoding="utf-8")
        place.start_daemon()
        with pytest.raises(DemoFailed, match="the daemon ended with exit code 78"):
            place.wait(lambda: False, 60)
        assert any("zendesk" in line for line in place.log_tail())


def test_the_checker_is_asked_about_what_the_sandbox_has() -> None:
    with Place() as place:
        agreed, lines = place.verdict(["thanks"])
        folder = place.folder
    assert not agreed
    assert "there is not exactly one with the subject “Dark mode flickers”" in lines
    assert not folder.exists()
