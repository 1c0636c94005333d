"""A daemon whose store another one took over ends by itself, and says so."""

from __future__ import annotations

from tests.cli.house import House


def test_a_daemon_that_was_taken_over_writes_nothing_and_ends_for_a_later_start(house: House) -> None:
    ticket, key = house.pair()
    house.fine("once", "--accept")
    with house.daemon() as daemon:
        with house.store() as other:
            other.claim("process 1 on another machine")
            before = len(house.writes())
            house.moves(key, "Done", "Done")
            assert daemon.wait() == 75
        assert "was taken over by process 1 on another machine" in daemon.err
        assert len(house.writes()) == before
        assert house.status(ticket) == "hold"
    with house.daemon() as again:
        again.wait_for_cycle()
        assert house.status(ticket) == "open"
        assert again.stop() == 0
