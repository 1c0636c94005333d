"""A route's `comments:` block: which comments and files are carried, and whereto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from syncd.config.fields import Text
from syncd.config.sentences import Model, Relation, refusal
from syncd.core.comment_model import FILE_TYPES, CommentPolicy

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


class Comments(Model):
    """Copies are always internal: a note on the ticket, hidden from the portal on the bug."""

    to_ticket: Literal["internal", "none"] = Field(default="internal", examples=["internal"])
    to_bug: Literal["none", "tagged", "internal", "all"] = Field(default="tagged", examples=["tagged"])
    tag: Annotated[Text, AfterValidator(_one_word)] = Field(default="#bug", examples=["'#bug'"])
    restricted: bool = Field(default=False, examples=["false"])
    history: Literal["none", "all"] = Field(default="none", examples=["none"])
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
        )
