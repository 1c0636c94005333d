"""A route's `comments:` block: which comments and files are carried, and whereto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from syncd.config.fields import Text
from syncd.config.sentences import Model, Relation, refusal
from syncd.core.comment_model import FILE_TYPES, CommentPolicy, Raising

_MB = 1024 * 1024


def _ending(value: str) -> str:
    word = value.strip().lstrip(".").casefold()
    if not word.isalnum():
        raise refusal("Write the ending of a file name, such as png or log.")
    return word


def _one_word(value: str) -> str:
    if value != "".join(value.split()):
        raise refusal("Write one word without blanks, such as #bug.")
    return value


def _prefix(value: str) -> str:
    if len(value) < 3:
        raise refusal(
            "Write a word of three characters at least, such as '#customer', that nobody begins with by chance."
        )
    return _one_word(value)


class ToCustomer(Model):
    """Which comments on a bug become public: those that begin with the prefix, by somebody who is named here."""

    prefix: Annotated[Text, AfterValidator(_prefix)] = Field(examples=["'#customer'"])
    roles: tuple[Text, ...] = Field(default=(), examples=["[Support liaison]"])
    groups: tuple[Text, ...] = Field(default=(), examples=["[support-liaisons]"])
    accounts: tuple[Text, ...] = Field(default=(), examples=["[712020:8d1f2a3b]"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not any(data.get(key) for key in ("roles", "groups", "accounts")):
            yield (), "Name who may speak to customers: roles, groups or accounts of Jira. A prefix alone lets nobody."

    @property
    def raising(self) -> Raising:
        """As the planner needs it."""
        return Raising(self.prefix, self.roles, self.groups, self.accounts)


class Comments(Model):
    """Copies are internal: a note on the ticket, hidden from the portal on the bug. Only `to_customer` makes a comment
    public, and only one that its author meant so."""

    to_ticket: Literal["internal", "none"] = Field(default="internal", examples=["internal"])
    to_bug: Literal["none", "tagged", "internal", "all"] = Field(default="tagged", examples=["tagged"])
    tag: Annotated[Text, AfterValidator(_one_word)] = Field(default="#bug", examples=["'#bug'"])
    restricted: bool = Field(default=False, examples=["false"])
    to_customer: ToCustomer | None = Field(default=None, examples=["{prefix: '#customer', roles: [Support liaison]}"])
    history: Literal["none", "all"] = Field(default="none", examples=["none"])
    loose_files: bool = Field(default=True, examples=["true"])
    all_files_to_bug: bool = Field(default=False, examples=["false"])
    file_types: tuple[Annotated[str, AfterValidator(_ending)], ...] = Field(
        default=FILE_TYPES, examples=["[png, jpg, log, txt]"]
    )
    file_mb: int = Field(default=10, ge=0, le=50, examples=["10"])
    files_mb: int = Field(default=50, ge=0, le=1000, examples=["50"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        one, all_of_them = data.get("file_mb", 10), data.get("files_mb", 50)
        if isinstance(one, int) and isinstance(all_of_them, int) and one > all_of_them:
            yield ("files_mb",), "One file may be larger than all files together: write at least the size of file_mb."
        if data.get("to_customer") and data.get("to_ticket", "internal") == "none":
            yield ("to_customer",), "With to_ticket: none no comment leaves the bug, so none can reach the customer."
        if "tag" in data and data.get("to_bug", "tagged") != "tagged":
            yield ("tag",), "The tag counts only with to_bug: tagged."

    @property
    def policy(self) -> CommentPolicy:
        """As the planner needs it."""
        return CommentPolicy(
            to_ticket=self.to_ticket,
            to_bug=self.to_bug,
            tag=self.tag,
            restricted=self.restricted,
            history=self.history,
            file_types=self.file_types,
            file_bytes=self.file_mb * _MB,
            files_bytes=self.files_mb * _MB,
            raising=self.to_customer.raising if self.to_customer is not None else None,
            loose_files=self.loose_files and self.to_ticket != "none",
            all_files_to_bug=self.all_files_to_bug,
        )
