"""Which files are carried, and what they are called on the other side. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from syncd.core.comment_model import CommentFile, CommentPolicy, FileRef

HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that nobody sees, or that turn the direction of what is read."""

_NAME_CHARACTERS: Final = re.compile(r"[^\w.()-]+")


def choose_files(
    files: Iterable[CommentFile], policy: CommentPolicy, side: str
) -> tuple[tuple[FileRef, ...], tuple[str, ...]]:
    """The files to carry, and a sentence for each that is not."""
    refs: list[FileRef] = []
    skipped: list[str] = []
    for file in files:
        name = safe_name(file.name)
        ending = name.rpartition(".")[2].casefold() if "." in name else ""
        if ending not in policy.file_types:
            skipped.append(f"{name} was left out: files of this type are not carried.")
        elif file.size > policy.file_bytes:
            skipped.append(f"{name} was left out: it has {_size(file.size)}, more than {_size(policy.file_bytes)}.")
        else:
            refs.append(FileRef(file.id, file.name, _unique(name, f"{side}:{file.id}"), file.url, file.size))
    return tuple(refs), tuple(skipped)


def safe_name(name: str) -> str:
    """A file name without folders, hidden characters and turns of direction; at most 80 characters."""
    last = re.split(r"[/\\]", HIDDEN.sub("", name))[-1]
    flat = _NAME_CHARACTERS.sub("_", last).strip("._") or "file"
    stem, dot, ending = flat.rpartition(".")
    return f"{stem[:70]}{dot}{ending[:9]}" if stem else flat[:80]


def _unique(name: str, source: str) -> str:
    """The name with a mark of where it comes from, so that it is found again after an unknown answer."""
    stem, dot, ending = name.rpartition(".")
    mark = hashlib.blake2b(source.encode(), digest_size=4).hexdigest()
    return f"{stem}-{mark}{dot}{ending}" if stem else f"{name}-{mark}"


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB" if count >= 1024 * 1024 else f"{max(1, count // 1024)} KB"
