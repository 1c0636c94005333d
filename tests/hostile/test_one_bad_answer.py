"""One answer of a server is not what it should be: nothing ends, and all is as without it in the end."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests import PreparedRequest, Response

from tests.crashes.ends import end_of
from tests.crashes.points import apart, rest
from tests.crashes.scenes import SCENES
from tests.hostile.spoiling import WHOLE, WRONG_TYPES, as_json, body_of, change, places, put_body, spoil_all
from tests.scenarios.lab import Deployment, Lab

STEP = 61.0
STAGES: list[tuple[str, Deployment]] = [
    ("a bug is fixed", "data_center"),
    ("a fix is verified", "cloud"),
    ("a ticket asks for a bug", "data_center"),
    ("a developer comments twice", "cloud"),
]


@dataclass(frozen=True, slots=True)
class Harm:
    """The answer with this number is changed: as a whole, or one value in it (`place` counts them)."""

    number: int
    whole: str | None
    place: int
    wrong: str | None  # None: the value is not there

    def __call__(self, seen: list[str], request: PreparedRequest, response: Response) -> None:
        seen.append(f"{request.method} {request.path_url.partition('?')[0]}")
        if len(seen) - 1 != self.number:
            return
        body = body_of(response)
        if self.whole is not None:
            put_body(response, WHOLE[self.whole])
            return
        data = as_json(body)
        found = list(places(data))
        if found:
            path = found[self.place % len(found)]
            seen[-1] += f" {'.'.join(map(str, path))}"
            change(data, path, to=WRONG_TYPES.get(self.wrong or ""), drop=self.wrong is None)
            put_body(response, json.dumps(data).encode("utf-8", "surrogatepass"))


HARMS = st.builds(
    Harm,
    number=st.integers(0, 45),
    whole=st.one_of(st.none(), st.none(), st.sampled_from(sorted(WHOLE))),
    place=st.integers(0, 600),
    wrong=st.one_of(st.none(), st.sampled_from(sorted(WRONG_TYPES))),
)


@functools.cache
def stage(name: str, deployment: Deployment) -> tuple[Lab, dict[str, Any]]:
    """The scene as people left it, and where it ends when nothing is wrong; each play begins at a copy of it."""
    lab = SCENES[name].lab(Path(tempfile.mkdtemp()), deployment)
    return lab, play(lab, None)["end"]


def play(lab: Lab, harm: Harm | None) -> dict[str, Any]:
    """What came of it, in a copy of this process."""

    def act(lab: Lab) -> dict[str, Any]:
        seen: list[str] = []
        if harm is not None:
            spoil_all(lab, functools.partial(harm, seen))
        rest(lab, STEP, look_again=False)
        lab.cycle(2, seconds=STEP)  # what was shown of the trouble goes again
        rest(lab, STEP, look_again=False)
        return {"end": end_of(lab), "spoiled": seen[harm.number : harm.number + 1] if harm is not None else []}

    return apart(lab, act)


@pytest.mark.parametrize(("name", "deployment"), STAGES)
def test_one_bad_answer_changes_nothing_in_the_end_when(name: str, deployment: Deployment) -> None:
    lab, expected = stage(name, deployment)

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # an example takes too long for shrinking
        suppress_health_check=list(HealthCheck),
    )
    @given(harm=HARMS)
    def ends_well(harm: Harm) -> None:
        said = play(lab, harm)
        assert "error" not in said, said["error"]
        assert said["end"] == expected, said["spoiled"]

    ends_well()
