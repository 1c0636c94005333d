"""The daemon as a process: alone on its store, handling verbs and signals, leaving nothing in doubt."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.sandbox.faults import Fault
from syncd.store import IntentState, StoreLock
from tests.cli.house import House, Process, until


def test_the_daemon_keeps_both_sides_in_step_and_verbs_reach_it(house: House) -> None:
    ticket, key = house.pair()
    with house.daemon() as daemon:
        second = house.start("run")
        until(house.links, "the link")
        assert f"process {daemon.pid}" in house.fine("once").out
        assert house.writes() == []
        assert "first_run" in house.fine("once", "--accept").out
        until(lambda: house.status(ticket) == "hold", "the ticket on hold")
        house.moves(key, "Done", "Done")
        until(lambda: house.status(ticket) == "open", "the ticket handed back")

        other, bug = house.ticket(), house.bug()
        assert "Link 2" in house.fine("links", "add", other, bug).out
        refused = house.syncd("links", "add", other, bug)
        assert (refused.code, "linked already" in refused.err) == (1, True)
        assert house.fine("links", "remove", "2").code == 0
        planned = house.fine("plan", "--json").json
        assert (planned["source"], bool(planned["daemon"])) == ("store", True)
        assert house.well().out.startswith("healthy")
        assert house.fine("status", "--json").json["daemon"]["pid"] == daemon.pid
        assert second.wait() == 75
        assert f"process {daemon.pid}" in second.err
        assert len(second.err.strip().splitlines()) == 1
        assert daemon.stop() == 0
    assert house.syncd("links", "remove", "2").code == 1


def test_a_request_that_nobody_takes_stays_queued(house: House) -> None:
    house.fine("once", "--accept")
    ticket, key = house.ticket(), house.bug()
    with StoreLock(f"sqlite:///{house.store_file}"):
        said = house.syncd("links", "add", ticket, key)
    assert said.code == 75
    assert "stays queued" in said.err
    assert house.links() == []
    house.fine("once", "--accept")
    assert [link.ticket_id for link in house.links()] == [ticket]


@pytest.mark.parametrize("after", [0, 3], ids=["at the first write", "at the fourth write"])
def test_a_stop_amid_writes_leaves_no_intent_in_doubt(house: House, after: int) -> None:
    pairs = [house.pair() for _ in range(12)]
    house.fine("once", "--accept")
    house.sandbox.ctx.faults.add(Fault("delay", "zendesk", method="PUT", times=-1, args={"seconds": 0.15}))
    with house.daemon() as daemon:
        before = len(house.writes())
        for _, key in pairs:
            house.moves(key, "Done", "Done")
        until(lambda: len(house.writes()) > before + after, "writes under way")
        assert daemon.stop() == 0
    assert len(house.writes()) < before + len(pairs)
    with house.store() as store, store.reading() as tx:
        counts = tx.intent_counts()
    assert IntentState.SENT not in counts, counts
    house.sandbox.ctx.faults.clear()
    house.fine("once")
    assert {house.status(ticket) for ticket, _ in pairs} == {"open"}
    notes = [
        sum("Done" in str(comment["body"]) for comment in house.sandbox.zendesk.ticket_state(ticket=ticket)["comments"])
        for ticket, _ in pairs
    ]
    assert set(notes) == {1}


def test_a_signal_reads_the_configuration_again_and_a_bad_one_changes_nothing(house: House) -> None:
    good = house.config.read_text(encoding="utf-8")
    with house.daemon() as daemon:
        house.config.write_text(good[: len(good) // 2], encoding="utf-8")
        daemon.send(signal.SIGHUP)
        kept = daemon.wait_for_line("config_kept")
        assert "config.yaml:" in kept["syncd"]["problem"]
        daemon.wait_for_cycle(2)
        house.config.write_text(good, encoding="utf-8")
        status = house.syncd("status")
        assert "configuration on disk is not in force" in status.err
        assert status.code == 1
        daemon.send(signal.SIGHUP)
        daemon.wait_for_line("config_taken")
        daemon.wait_for_cycle()
        assert house.syncd("status").code == 0
        assert daemon.stop() == 0


def test_a_configuration_of_other_servers_is_refused_while_running_and_at_the_start(
    house: House, make_house: Callable[..., House]
) -> None:
    other = make_house()
    with house.daemon() as daemon:
        house.configure(zendesk=other.sandbox.zendesk_url)
        daemon.send(signal.SIGHUP)
        kept = daemon.wait_for_line("config_kept")
        assert house.sandbox.zendesk_url in kept["syncd"]["problem"]
        assert daemon.stop() == 0
    started = house.start("run")
    assert started.wait() == 78
    assert "store belongs to" in started.err


def test_servers_that_are_away_at_the_start_are_waited_for_and_told_once(house: House) -> None:
    ticket, key = house.pair()
    house.fine("once", "--accept")
    down = [Fault("status", side, times=-1, args={"status": 503}) for side in ("zendesk", "jira")]
    for fault in down:
        house.sandbox.ctx.faults.add(fault)
    with house.daemon() as daemon:
        daemon.wait_for_cycle()
        assert [line["syncd"]["side"] for line in daemon.lines("side_lost")] == ["zendesk", "jira"]
        house.well()
        status = house.syncd("status", "--json").json
        assert set(status["problems"]) == {"zendesk", "jira"}
        house.sandbox.ctx.faults.clear()
        daemon.wait_for_line("side_back")
        house.moves(key, "Done", "Done")
        until(lambda: house.status(ticket) == "open", "the ticket handed back")
        assert daemon.stop() == 0


def test_a_new_installation_starts_without_its_servers_and_finds_its_routes_later(house: House) -> None:
    house.sandbox.ctx.faults.add(Fault("status", "jira", times=-1, args={"status": 503}))
    with house.daemon() as daemon:
        assert daemon.lines("route_stopped")
        house.sandbox.ctx.faults.clear()
        daemon.wait_for_line("route_runs")
        daemon.wait_for_cycle(2)
        assert house.fine("status").code == 0
        assert daemon.stop() == 0


def test_health_tells_a_daemon_that_stopped_and_a_store_that_is_gone(house: House) -> None:
    assert house.syncd("status", "--health").code == 1
    with house.daemon() as daemon:
        assert house.well("--json").json["healthy"] is True
        assert daemon.stop() == 0
    sick = until(lambda: s if (s := house.syncd("status", "--health")).code else None, "an old heartbeat")
    assert sick.out.startswith("unhealthy: the last cycle ended")
    assert len(sick.out.splitlines()) == 1
    assert "Daemon: stopped" in house.syncd("status").out
    assert house.syncd("status", "--health", "--json").json["healthy"] is False


def test_systemd_and_the_log_tell_how_it_is_and_hold_no_secret(house: House, tmp_path: Path) -> None:
    house.environ["ZENDESK_CLIENT_SECRET"] = "wrong-secret-word"
    address = str(tmp_path / "notify")
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.settimeout(0.2)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    heard.append(receiver.recv(4096).decode())
                except TimeoutError:
                    continue

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            with house.daemon(environ={"NOTIFY_SOCKET": address}) as daemon:
                until(lambda: [m for m in heard if "READY=1" in m], "READY=1")
                until(lambda: [m for m in heard if "WATCHDOG=1" in m], "WATCHDOG=1")
                daemon.wait_for_cycle()
                assert daemon.stop() == 0
                _look_at_the_log(house, daemon)
            until(lambda: [m for m in heard if "STOPPING=1" in m], "STOPPING=1")
        finally:
            done.set()
            listener.join()


def _look_at_the_log(house: House, daemon: Process) -> None:
    """JSON, a line per cycle, nothing secret."""
    text = daemon.out + daemon.err
    assert "wrong-secret-word" not in text
    assert house.environ["JIRA_TOKEN"] not in text
    numbers = [line["syncd"]["number"] for line in daemon.lines("cycle")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(daemon.lines()) == len(daemon.out.splitlines())
    assert {line["service.name"] for line in daemon.lines()} == {"syncd"}
    assert daemon.lines("stopped")


def test_a_kill_in_the_middle_is_made_good_by_the_next_start(house: House) -> None:
    ticket, key = house.pair()
    house.fine("once", "--accept")
    house.sandbox.ctx.faults.add(Fault("delay", "zendesk", method="PUT", times=-1, args={"seconds": 5}))
    with house.daemon() as daemon:
        before = len(house.writes())
        house.moves(key, "Done", "Done")

        def sent() -> bool:
            with house.store() as store, store.reading() as tx:
                return IntentState.SENT in tx.intent_counts()

        until(sent, "a write under way")
        daemon.send(signal.SIGKILL)
    house.sandbox.ctx.faults.clear()
    with house.daemon() as daemon:
        until(lambda: house.status(ticket) == "open", "the ticket handed back")
        until(lambda: not sent(), "nothing in doubt", seconds=90)
        assert daemon.stop() == 0
    notes = [str(comment["body"]) for comment in house.sandbox.zendesk.ticket_state(ticket=ticket)["comments"]]
    assert sum("Done" in note for note in notes) == 1
    assert len(house.writes()) - before <= 2


def test_a_rehearsal_runs_on_the_sandbox_s_clock_and_ends_at_ctrl_c(house: House) -> None:
    house.sandbox.clock.rate = 20.0
    house.sandbox.clock.advance(86400)
    with house.daemon("--clock", house.sandbox.control_url) as daemon:
        beat = daemon.wait_for_cycle(3)
        assert abs(beat.at.timestamp() - house.sandbox.clock.now()) < 3600
        house.well()
        daemon.send(signal.SIGINT)
        assert daemon.wait() == 0
        assert "Traceback" not in daemon.err + daemon.out
