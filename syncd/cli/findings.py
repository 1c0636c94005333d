"""What `syncd check` finds: one sentence each, with the exit code that it means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from syncd.cli.exits import Exit
from syncd.config.problems import Problem
from syncd.core.model import Json


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` FINE: worth a look only. `place` is file:line:column: path where it stands in a file."""

    area: str  # config | mapping | zendesk | jira | store
    message: str
    code: Exit = Exit.FINE
    place: str = ""

    @property
    def is_error(self) -> bool:
        """Something will not work before it is mended."""
        return self.code is not Exit.FINE

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message

    def as_json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "level": "error" if self.is_error else "warning",
            "area": self.area,
            "message": self.message,
            "place": self.place or None,
            "exit": int(self.code),
        }


@dataclass(slots=True)
class Findings:
    """All of a check: what is wrong, what is worth a look, and what was looked at and found well."""

    found: list[Finding] = field(default_factory=list)
    well: list[str] = field(default_factory=list)

    def error(self, area: str, message: str, code: Exit = Exit.PERSON, place: str = "") -> None:
        """Something that has to be mended."""
        self._add(Finding(area, message, code, place))

    def warning(self, area: str, message: str, place: str = "") -> None:
        """Something worth a look."""
        self._add(Finding(area, message, Exit.FINE, place))

    def problems(self, area: str, problems: Iterable[Problem], code: Exit) -> None:
        """Problems of a file; code FINE for its warnings."""
        for problem in problems:
            place = str(problem).removesuffix(problem.message).removesuffix(": ")
            self._add(Finding(area, problem.message, code, place))

    def fine(self, sentence: str) -> None:
        """Looked at, and well."""
        self.well.append(sentence)

    @property
    def code(self) -> Exit:
        """What only a person can mend counts before what may pass: 78, 1, 75."""
        codes = {finding.code for finding in self.found}
        return next((code for code in (Exit.CONFIG, Exit.PERSON, Exit.LATER) if code in codes), Exit.FINE)

    def _add(self, finding: Finding) -> None:
        if finding not in self.found:
            self.found.append(finding)
