"""A Zendesk source whose server is scripted call by call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from syncd.sources.credentials import Bearer
from syncd.sources.zendesk import Zendesk
from tests.sources.http_fakes import FakeClock, Hidden
from tests.sources.zendesk_rows import BASE


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    """Answers what a test registers, and keeps the calls."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> FakeClock:
    """The source's time."""
    return FakeClock()


@pytest.fixture
def zendesk(clock: FakeClock) -> Zendesk:
    """The source."""
    return Zendesk(BASE, Bearer(Hidden("s3cr3t")), clock=clock, sleep=clock.sleep)
