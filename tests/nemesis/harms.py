"""What is done to the daemon's process, its connections and its store. Each leaves the daemon running or dead; the next
round starts it anew where it is dead."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

from syncd.sandbox.faults import Fault
from tests.cli.house import Process
from tests.nemesis.world import World

FAULTS = ("drop_before", "drop_after", "torn", "bad_json", "empty", "html")


def kill(world: World, daemon: Process) -> None:
    """SIGKILL at a random instant, of its start too."""
    world.wait(0.0, 1.0)
    daemon.send(signal.SIGKILL)
    daemon._process.wait(timeout=10)


def kill_while_a_server_thinks(world: World, daemon: Process) -> None:
    """SIGKILL when a write was sent and its answer is held back."""
    held = Fault("delay", world.random.choice(("zendesk", "jira")), method="P(UT|OST)", args={"seconds": 60.0})
    world.sandbox.ctx.faults.add(held)
    world.act(2)
    kill(world, daemon)


def terminate(world: World, daemon: Process) -> None:
    """SIGTERM while requests are under way."""
    world.sandbox.ctx.faults.add(Fault("delay", "zendesk", method="PUT", times=2, args={"seconds": 6.0}))
    world.wait(0.2, 1.0)
    daemon.send(signal.SIGTERM)
    try:
        assert daemon.wait(60) in (0, -signal.SIGTERM), daemon.err  # the latter while Python was still starting
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{world.named}: it does not stop: {daemon.out[-2000:]}") from late


def pause(world: World, daemon: Process) -> None:
    """SIGSTOP, for up to a sandbox minute, and SIGCONT."""
    world.wait(0.2, 0.8)
    daemon.send(signal.SIGSTOP)
    world.act(2)
    world.wait(0.5, 2.0)
    daemon.send(signal.SIGCONT)
    world.wait(0.2, 0.8)


def tear(world: World, daemon: Process) -> None:
    """Connections that break, and answers that are none."""
    for _ in range(4):
        kind, service = world.random.choice(FAULTS), world.random.choice(("zendesk", "jira"))
        method = world.random.choice(("GET", "POST", "PUT"))
        world.sandbox.ctx.faults.add(Fault(kind, service, method=method, skip=world.random.randint(0, 3)))
    world.wait(0.5, 1.5)


HARMS: dict[str, Callable[[World, Process], None]] = {
    "kill": kill,
    "kill_while_a_server_thinks": kill_while_a_server_thinks,
    "terminate": terminate,
    "pause": pause,
    "tear": tear,
}


def rounds(world: World, number: int, harms: tuple[str, ...], tell: Callable[[str], None] = lambda _: None) -> None:
    """So many rounds: people act, something is done to the daemon, and it runs on or is started anew."""
    daemon: Process | None = None
    try:
        for turn in range(number):
            world.sandbox.ctx.faults.clear()
            if daemon is None or daemon._process.poll() is not None:
                if daemon is not None:
                    daemon.log.unlink(missing_ok=True)
                daemon = world.run_daemon()
                if world.random.random() < 0.8:
                    world.wait(0.4, 1.0)
            world.act(world.random.randint(1, 3))
            harm = world.random.choice(harms)
            world.did[harm] += 1
            HARMS[harm](world, daemon)
            if turn % 50 == 49:
                tell(f"{turn + 1} of {number}: {dict(world.did)}")
    finally:
        if daemon is not None:
            daemon.kill()
