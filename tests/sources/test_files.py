"""Files are fetched from the tracker's own hosts only, in bounded size, and the credential stays at home."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from syncd.sources.budget import Budgets
from syncd.sources.credentials import Authenticator
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, TransientError
from syncd.sources.files import ZENDESK_HOSTS, FileFetcher

OWN = "https://acme.zendesk.com"


class Signer(Authenticator):
    """A credential that can be recognised."""

    def header(self) -> str | None:
        return "Bearer known"


class StandingClock:
    """A clock that stands still."""

    rate = 1.0

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 100.0


class Shelf(BaseAdapter):
    """Answers by address: (status, headers, body)."""

    def __init__(self, answers: Mapping[str, tuple[int, dict[str, str], bytes]]) -> None:
        super().__init__()
        self._answers = answers
        self.asked: list[tuple[str, str | None]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.asked.append((str(request.url), request.headers.get("Authorization")))
        status, headers, body = self._answers[str(request.url)]
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers.update(headers)
        response.raw = HTTPResponse(BytesIO(body), preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


def fetcher(
    shelf: Shelf, signer: Authenticator | None = None, budgets: Budgets | None = None, own: str = OWN
) -> FileFetcher:
    clock = StandingClock()
    return FileFetcher(
        own,
        signer or Signer(),
        service="Zendesk",
        hosts=ZENDESK_HOSTS,
        clock=clock,
        budgets=budgets or Budgets(clock),
        adapter=shelf,
    )


def test_a_file_on_the_own_host_is_asked_for_with_the_credential() -> None:
    shelf = Shelf({f"{OWN}/a": (200, {}, b"text")})
    assert fetcher(shelf).fetch(f"{OWN}/a", 10) == b"text"
    assert shelf.asked == [(f"{OWN}/a", "Bearer known")]


def test_a_redirect_to_the_vendors_file_host_is_followed_without_the_credential() -> None:
    there = "https://p1.zdusercontent.com/a"
    shelf = Shelf({f"{OWN}/a": (302, {"Location": there}, b""), there: (200, {}, b"text")})
    assert fetcher(shelf).fetch(f"{OWN}/a", 10) == b"text"
    assert shelf.asked[1] == (there, None)


@pytest.mark.parametrize("there", ["http://127.0.0.1:8802/a", "http://localhost:8802/a", "http://[::1]:8802/a"])
def test_a_rehearsal_on_this_machine_may_keep_its_files_on_another_port(there: str) -> None:
    own = "http://127.0.0.1:8801"
    shelf = Shelf({f"{own}/a": (303, {"Location": there}, b""), there: (200, {}, b"text")})
    assert fetcher(shelf, own=own).fetch(f"{own}/a", 10) == b"text"
    assert shelf.asked[1] == (there, None)


ELSEWHERE = {
    "another host": "https://evil.example/a",
    "the metadata service": "http://169.254.169.254/latest",
    "a host that only looks alike": "https://zdusercontent.com.evil.example/a",
    "a user in the address": "https://acme.zendesk.com@evil.example/a",
    "plain http": "http://acme.zendesk.com/a",
    "another port": "https://acme.zendesk.com:8443/a",
    "this machine": "http://127.0.0.1:8802/a",
    "a file": "file:///etc/passwd",
}


@pytest.mark.parametrize("address", [pytest.param(a, id=name) for name, a in ELSEWHERE.items()])
def test_addresses_elsewhere_are_not_asked(address: str) -> None:
    shelf = Shelf({f"{OWN}/a": (302, {"Location": address}, b"")})
    with pytest.raises(RefusedError):
        fetcher(shelf).fetch(address, 10)
    assert shelf.asked == []
    with pytest.raises(RefusedError):
        fetcher(shelf).fetch(f"{OWN}/a", 10)
    assert len(shelf.asked) == 1


def test_a_file_that_is_larger_than_it_may_be_is_refused_while_it_comes() -> None:
    with pytest.raises(RefusedError, match="more than 10 bytes"):
        fetcher(Shelf({f"{OWN}/a": (200, {"Content-Length": "3"}, b"x" * 11)})).fetch(f"{OWN}/a", 10)


def test_a_circle_of_redirects_ends() -> None:
    with pytest.raises(RefusedError, match="sent on"):
        fetcher(Shelf({f"{OWN}/a": (302, {"Location": "/a"}, b"")})).fetch(f"{OWN}/a", 10)


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFoundError), (403, RefusedError), (503, TransientError), (401, AuthError)]
)
def test_an_answer_that_says_no_is_told_apart(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        fetcher(Shelf({f"{OWN}/a": (status, {}, b"")})).fetch(f"{OWN}/a", 10)


def test_a_pause_that_the_server_asks_for_holds_for_files_and_for_everything_else() -> None:
    budgets = Budgets(StandingClock())
    shelf = Shelf({f"{OWN}/a": (429, {"Retry-After": "40"}, b"")})
    for _ in range(2):
        with pytest.raises(TransientError) as raised:
            fetcher(shelf, budgets=budgets).fetch(f"{OWN}/a", 10)
        assert raised.value.retry_after == 40.0
    assert len(shelf.asked) == 1
    assert budgets.paused_for(("account",)) == 40.0


class Renewing(Signer):
    """A token that is over; the next one is good."""

    token = "Bearer over"

    def header(self) -> str | None:
        return self.token

    def renew(self, refused: str | None) -> bool:
        self.token = "Bearer new"
        return refused == "Bearer over"


class Expecting(Shelf):
    """Lets nobody in but who has the new token."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **kwargs)
        if request.headers.get("Authorization") != "Bearer new":
            response.status_code = 401
        return response


def test_a_token_that_is_over_is_renewed_and_loses_no_file() -> None:
    assert fetcher(Expecting({f"{OWN}/a": (200, {}, b"text")}), Renewing()).fetch(f"{OWN}/a", 10) == b"text"


def test_a_login_page_is_no_file() -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(TransientError, match="in the place of the file"):
        fetcher(Shelf({f"{OWN}/a": (200, page, b"<html>")})).fetch(f"{OWN}/a", 10)
    assert fetcher(Shelf({f"{OWN}/a.html": (200, page, b"<html>")})).fetch(f"{OWN}/a.html", 10) == b"<html>"
