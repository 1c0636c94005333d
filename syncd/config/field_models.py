"""Mapped fields and moments of a route in config.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from syncd.config.fields import NameOrId, Tag, Text
from syncd.config.sentences import Model, Relation

READ_ONLY = ("organization", "tier")
"""Of a ticket's side: what a bug can show and never change. organization.<key> too."""


def _spelled(value: object) -> object:
    """YAML reads yes and 3 as something else than text; here they are values of fields."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


_Value = Annotated[NameOrId, BeforeValidator(_spelled)]


def _spelled_keys(value: object) -> object:
    return {_spelled(key): entry for key, entry in value.items()} if isinstance(value, dict) else value


class MappedField(Model):
    """One field that is kept in step between a ticket and its bug."""

    ticket: NameOrId = Field(examples=["priority"])
    bug: NameOrId = Field(examples=["priority"])
    # After the two that its default is made of: pydantic hands a default what stands before it, and no more.
    name: Text = Field(
        default_factory=lambda data: f"{data.get('ticket', '')} / {data.get('bug', '')}", examples=["severity"]
    )
    owner: Literal["zendesk", "jira", "both"] = Field(examples=["zendesk"])
    winner: Literal["zendesk", "jira"] | None = Field(default=None, examples=["jira"])
    map: Annotated[dict[str, _Value], BeforeValidator(_spelled_keys)] = Field(
        default_factory=dict, examples=["{urgent: Highest, high: High}"]
    )
    default: _Value | None = Field(default=None, examples=["Medium"])
    only: tuple[Tag, ...] = Field(default=(), examples=["[area_]"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        owner, ticket = data.get("owner"), data.get("ticket")
        if owner == "both" and "winner" not in data:
            yield (), "Both sides own this field: write winner: jira or winner: zendesk, for when both change it."
        elif "winner" in data and owner in ("zendesk", "jira"):
            yield ("winner",), f"{str(owner).capitalize()} owns this field alone, so there is no winner: take this out."
        if isinstance(ticket, str):
            word = ticket.strip().casefold()
            if (word in READ_ONLY or word.startswith("organization.")) and owner in ("jira", "both"):
                yield ("owner",), "A bug never changes an organization: write owner: zendesk."
            if word == "tags" and not data.get("only") and not data.get("map"):
                yield (), "Write which tags are meant, by their beginning: only: [area_], or each one under map."


class OnRelease(Model):
    """What happens to the tickets of a fixed bug when its version is released."""

    note: bool = Field(default=True, examples=["true"])
    hand_back: bool = Field(default=True, examples=["true"])  # the assignee is taken off, so that the group sees it
