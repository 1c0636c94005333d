"""Messages to systemd over a socket of our own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.ops.notify import PING_EVERY, Notifier


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(2)
        yield made


def test_it_says_that_it_is_up_and_that_it_leaves(receiver: socket.socket, tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}, lambda: 0.0)
    notifier.ready("two\nroutes")
    assert receiver.recv(1000).decode().splitlines() == ["READY=1", "STATUS=two routes"]
    notifier.status("fine")
    assert receiver.recv(1000) == b"STATUS=fine"
    notifier.stopping()
    assert receiver.recv(1000).startswith(b"STOPPING=1")


def test_progress_feeds_the_watchdog_every_few_seconds(receiver: socket.socket, tmp_path: Path) -> None:
    moment = [100.0]
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}, lambda: moment[0])
    for _ in range(10):
        notifier.progress()
    moment[0] += PING_EVERY
    notifier.progress()
    notifier.status("end")
    heard = [receiver.recv(1000) for _ in range(3)]
    assert heard == [b"WATCHDOG=1", b"WATCHDOG=1", b"STATUS=end"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0syncd-test-notify")
        receiver.settimeout(2)
        Notifier({"NOTIFY_SOCKET": "@syncd-test-notify"}, lambda: 0.0).status("here")
        assert receiver.recv(1000) == b"STATUS=here"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}], ids=["no systemd", "a dead socket"])
def test_nobody_listening_is_no_trouble(environ: dict[str, str]) -> None:
    notifier = Notifier(environ, lambda: 0.0)
    notifier.ready("x")
    notifier.progress()
    notifier.stopping()
