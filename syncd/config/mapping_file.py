"""mappings/*.yaml as models: what the operator wrote, before any name is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.fields import NameOrId
from syncd.config.names import TICKET_CATEGORIES, nearest, normalise, ticket_category
from syncd.config.problems import KeyPath, Problem, listed, one_line
from syncd.config.sentences import Model, Relation, choice_sentence, refusal
from syncd.config.yamlfile import Document
from syncd.core.mapping import NOTE

NO_RESOLUTION: Final = "none"
ANY: Final = "any"
MAX_PATH: Final = 5

_RESERVED: Final = (NOTE, ANY, NO_RESOLUTION, "category", "conflict")
_ACTORS: Final = ("agent", "customer", "rule")


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float | dict) else value


def _name_is_a_block(value: object) -> object:
    if isinstance(value, list):
        raise refusal("Write one status, or a block such as {status: Done, resolution: Fixed}.")
    return {"status": value} if isinstance(value, str | int | float) else value


Names = Annotated[tuple[NameOrId, ...], BeforeValidator(_one_is_a_list), Field(min_length=1)]
"""One name, or a list of names."""


class BugIs(Model):
    """(status, resolution) pairs: every status with every resolution."""

    status: Names = Field(examples=["Done"])
    resolution: Names | None = Field(default=None, examples=["[Done, Fixed, none]"])


class MoveBugTo(Model):
    """Where a stage wants a bug, and how to get it there."""

    status: NameOrId = Field(examples=["Closed"])
    resolution: NameOrId | None = Field(default=None, examples=["Done"])
    fields: dict[str, Any] = Field(default_factory=dict, examples=["{customfield_10300: {value: Code}}"])
    path: tuple[NameOrId, ...] = Field(default=(), max_length=MAX_PATH, examples=["[Verified]"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        resolution, fields = data.get("resolution"), data.get("fields")
        if isinstance(resolution, str) and normalise(resolution) == NO_RESOLUTION:
            yield ("resolution",), "Leave this key out where the bug is to have no resolution."
        if isinstance(fields, Mapping):
            if "resolution" in fields:
                yield ("fields", "resolution"), "The resolution stands beside status: move it there."
            for name in fields:
                if name != "resolution" and not re.fullmatch(r"[a-zA-Z]+[a-zA-Z0-9_]*", str(name)):
                    yield (
                        ("fields", name),
                        "Write the field's id as Jira has it, such as customfield_10300 or components.",
                    )


def _ticket_status(value: object) -> object:
    if isinstance(value, str) and normalise(value) == "closed":
        raise refusal("Write solved: a closed ticket counts as solved, and nothing can be written to it.")
    return value


TicketStatus = Annotated[NameOrId, AfterValidator(_ticket_status)]
"""A ticket status: new, open, pending, hold, solved, or the name of a custom one."""


def _any_or_list(value: object) -> object:
    if isinstance(value, str) and normalise(value) == ANY:
        return None
    if value is None or isinstance(value, dict):
        raise refusal("Write any, or a list of ticket statuses, such as [new, open, pending, hold].")
    return _one_is_a_list(value)


class StageFile(Model):
    """A stage: which bugs are in it, and what it means for a ticket."""

    bug_is: Annotated[
        tuple[Annotated[BugIs, BeforeValidator(_name_is_a_block)], ...],
        BeforeValidator(_one_is_a_list),
        Field(min_length=1),
    ] = Field(examples=["[To Do, Reopened]"])
    move_bug_to: Annotated[MoveBugTo | None, BeforeValidator(_name_is_a_block)] = Field(
        default=None, examples=["To Do"]
    )
    set_ticket: dict[TicketStatus, TicketStatus] = Field(default_factory=dict, examples=["{new: hold, open: hold}"])
    ticket_may_be: Annotated[tuple[TicketStatus, ...] | None, BeforeValidator(_any_or_list)] = Field(
        default=None, examples=["[new, open, pending, hold]"]
    )
    reopen_solved: bool = Field(default=False, examples=["false"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        may_be = data.get("ticket_may_be")
        if isinstance(may_be, list) and not may_be:
            yield ("ticket_may_be",), "Write any, or at least one ticket status."


@dataclass(frozen=True, slots=True)
class MoveKey:
    """A key of when_ticket_moves, as it is written and taken apart. Names are not looked up yet."""

    text: str
    to: str | None = None
    frm: str | None = None
    by: str | None = None
    tag: str | None = None

    @property
    def normal(self) -> str:
        """The same for every way to write the same key."""
        if self.tag is not None:
            return f"tag:{self.tag}"
        parts = [normalise_status(self.to or "")]
        if self.frm is not None:
            parts.insert(0, normalise_status(self.frm) + "→")
        return "".join(parts) + (f" by {self.by}" if self.by else "")


def normalise_status(name: str) -> str:
    """A ticket status in the form in which it compares: the category's own word, or the folded custom name."""
    return ticket_category(name) or normalise(name)


def parse_move(text: str) -> MoveKey:
    """A key of when_ticket_moves; raises ValueError with a sentence."""
    stripped = text.strip()
    tag = re.fullmatch(r"tag\s*:\s*(.*)", stripped, re.IGNORECASE)
    if tag:
        name = tag.group(1).lower()
        if not re.fullmatch(r"[^\s,\"]+", name):
            raise ValueError("After tag: stands one tag without spaces, as in tag:bug_not_fixed.")
        return MoveKey(text, tag=name)
    move, by = stripped, None
    actor = re.fullmatch(r"(.*?)\s+by\s+(\S+)", stripped, re.IGNORECASE)
    if actor:
        move, by = actor.group(1), actor.group(2).lower()
        if by not in _ACTORS:
            raise ValueError(f"After by stands {choice_sentence(by, list(_ACTORS)).removeprefix('Write ')}")
    sides = [side.strip() for side in re.split(r"→|->", move)]
    if len(sides) > 2 or not all(sides):
        raise ValueError("Write a ticket status, FROM→TO as in solved→open, or tag:NAME.")
    for side in sides:
        if normalise(side) == "closed":
            raise ValueError("Write solved: a closed ticket counts as solved.")
    to = sides[-1]
    if ticket_category(to) == "new":
        raise ValueError("No ticket ever becomes new again: write another status.")
    if len(sides) == 2 and normalise_status(sides[0]) == normalise_status(to):
        raise ValueError("From and to are the same status: write FROM→TO as in solved→open.")
    return MoveKey(text, to=to, frm=sides[0] if len(sides) == 2 else None, by=by)


def _move_key(value: object) -> MoveKey:
    try:
        return parse_move(str(value))
    except ValueError as error:
        raise refusal(str(error)) from None


Moves: TypeAlias = dict[Annotated[MoveKey, BeforeValidator(_move_key)], NameOrId]


class UnmappedStages(Model):
    """The stage of a status that no stage names, by the status's category."""

    new: NameOrId | None = Field(default=None, examples=["queued"])
    indeterminate: NameOrId | None = Field(default=None, examples=["in_progress"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not data:
            yield (), "Write category, conflict, or {new: a stage, indeterminate: a stage}."


def _unmapped(value: object) -> object:
    if isinstance(value, dict):
        if "done" in value:
            raise refusal(
                "Leave done out: a finished bug whose status no stage names is always a conflict, "
                "since guessing would tell a customer that it is fixed."
            )
        return value
    if isinstance(value, str) and normalise(value) == "category":
        return None
    if isinstance(value, str) and normalise(value) == "conflict":
        return UnmappedStages.model_construct(new=None, indeterminate=None)
    raise refusal("Write category, conflict, or {new: a stage, indeterminate: a stage}.")


class MappingModel(Model):
    """A mapping file."""

    stages: dict[str, StageFile] = Field(min_length=1, examples=["{queued: {bug_is: [To Do]}}"])
    when_ticket_moves: dict[str, Moves] = Field(default_factory=dict, examples=["{fixed: {solved: confirmed}}"])
    customer_reopens_bug: bool = Field(default=False, examples=["false"])
    many_tickets: dict[str, Literal["all", "any"]] = Field(default_factory=dict, examples=["{confirmed: all}"])
    on_conflict: Literal["bug_wins", "ticket_wins", "flag"] = Field(default="flag", examples=["bug_wins"])
    unmapped: Annotated[UnmappedStages | None, BeforeValidator(_unmapped)] = Field(default=None, examples=["category"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        stages = data.get("stages")
        if not isinstance(stages, Mapping):
            return
        known = [str(name) for name in stages]
        for name in known:
            if not re.fullmatch(r"\w[\w-]*", name) or name in _RESERVED:
                why = "this word has a meaning of its own" if name in _RESERVED else "a stage's name is one word"
                yield ("stages", name), f"Write another name, such as in_progress: {why}."
        for path, name in _references(data):
            if name not in known:
                yield path, _no_stage(name, known)


def _references(data: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    """Every place that names a stage."""
    moves = data.get("when_ticket_moves")
    for stage, asked in moves.items() if isinstance(moves, Mapping) else ():
        yield ("when_ticket_moves", stage), stage
        for key, outcome in asked.items() if isinstance(asked, Mapping) else ():
            if isinstance(outcome, str | int) and str(outcome).strip() != NOTE:
                yield ("when_ticket_moves", stage, key), str(outcome).strip()
    quorum = data.get("many_tickets")
    for stage in quorum if isinstance(quorum, Mapping) else ():
        yield ("many_tickets", stage), stage
    unmapped = data.get("unmapped")
    for category, outcome in unmapped.items() if isinstance(unmapped, Mapping) else ():
        if isinstance(outcome, str | int) and category != "done":
            yield ("unmapped", category), str(outcome).strip()


def _no_stage(name: str, known: list[str]) -> str:
    meant = nearest(name, known)
    if meant:
        return f'There is no stage "{one_line(name)}"; did you mean "{meant}"?'
    return f'There is no stage "{one_line(name)}"; the stages are {listed(known, "and")}.'


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping as it was read, with its places."""

    name: str
    model: MappingModel
    document: Document

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem with what stands at the path."""
        return self.document.problem(path, message)

    def line(self, path: KeyPath) -> int:
        """The line of the path, for sentences that point at a second place."""
        place = self.document.place(path)
        return place.line if place is not None else 1


__all__ = [
    "ANY",
    "MAX_PATH",
    "NO_RESOLUTION",
    "TICKET_CATEGORIES",
    "BugIs",
    "MappingFile",
    "MappingModel",
    "MoveBugTo",
    "MoveKey",
    "StageFile",
    "UnmappedStages",
    "normalise_status",
    "parse_move",
]
