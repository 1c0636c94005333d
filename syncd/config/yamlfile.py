"""YAML read with care: every value knows its line, and a file can neither run code nor grow in memory.

Scalars are read as YAML 1.2 has them: only true and false are truth values, so that a status called "No" or "On" stays
a text, and nothing becomes a date or a sexagesimal number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from syncd.config.problems import KeyPath, Problem, one_line, written_path
from syncd.core.model import Json

MAX_BYTES: Final = 1_000_000
MAX_ALIASES: Final = 100
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 100_000

_TAG: Final = "tag:yaml.org,2002:"
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}", re.ASCII)
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain data, with the place of every key and list item."""

    file: str
    data: Json
    places: Mapping[KeyPath, Place]

    def place(self, path: KeyPath) -> Place | None:
        """Where the path is written: the place of its longest beginning that is."""
        path = self._as_written(path)
        for length in range(len(path), -1, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place
        return None

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem with what stands at the path."""
        written, place = self._as_written(path), self.place(path)
        return Problem(
            self.file, place.line if place else None, place.column if place else None, written_path(written), message
        )

    def _as_written(self, path: KeyPath) -> KeyPath:
        """The path without the steps that were only read into the file: one value as a list, a name as a block."""
        value: Json = self.data
        written: list[str | int] = []
        for part in path:
            if isinstance(part, int) and isinstance(value, list) and part < len(value):
                value = value[part]
            elif isinstance(part, str) and isinstance(value, dict):
                value = value.get(part)
            elif value is not None:
                continue
            written.append(part)
        return tuple(written)


@dataclass(slots=True)
class _Scalar:
    value: Json
    text: str
    place: Place


@dataclass(slots=True)
class _List:
    items: list[_Node]
    place: Place


@dataclass(slots=True)
class _Map:
    items: list[tuple[_Scalar, _Node]]
    place: Place


_Node: TypeAlias = "_Scalar | _List | _Map"


class _UnusableError(Exception):
    """Reading cannot go on after this."""

    def __init__(self, place: Place | None, message: str) -> None:
        super().__init__(message)
        self.place = place


def read_yaml(content: bytes, file: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """The document in `content` (None when it cannot be read at all) and what is wrong with it as YAML."""
    if len(content) > MAX_BYTES:
        return None, (
            Problem(file, None, None, "", "The file is larger than 1 MB; split it, or remove what is not used."),
        )
    try:
        return _Reader(file).read(_decoded(content))
    except _UnusableError as error:
        place = error.place
        problem = Problem(file, place.line if place else None, place.column if place else None, "", str(error))
        return None, (problem,)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise _UnusableError(Place(line, column), "This is not UTF-8: save the file as UTF-8.") from None


@dataclass(slots=True)
class _Reader:
    file: str
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, _Node] = field(default_factory=dict)
    aliases: int = 0

    def read(self, text: str) -> tuple[Document, tuple[Problem, ...]]:
        events = _events(text)
        root: _Node | None = None
        for event in events:
            if isinstance(event, ScalarEvent | AliasEvent | SequenceStartEvent | MappingStartEvent):
                if root is not None:
                    raise _UnusableError(_place(event), "A second document starts here: remove the line ---.")
                root = self._node(event, events, 0)
        if root is None:
            return Document(self.file, None, {(): Place(1, 1)}), ()
        places: dict[KeyPath, Place] = {}
        data = self._data(root, (), places)
        return Document(self.file, data, places), tuple(self.problems)

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> _Node:
        place = _place(event)
        if depth > MAX_DEPTH:
            raise _UnusableError(place, f"Blocks are nested more than {MAX_DEPTH} deep here.")
        if isinstance(event, AliasEvent):
            return self._alias(event, place)
        node: _Node
        if isinstance(event, ScalarEvent):
            node = self._scalar(event, place)
        elif isinstance(event, SequenceStartEvent):
            self._check_tag(event.tag, "seq", place)
            node = _List([], place)
            while not isinstance(item := next(events), SequenceEndEvent):
                node.items.append(self._node(item, events, depth + 1))
        elif isinstance(event, MappingStartEvent):
            self._check_tag(event.tag, "map", place)
            node = _Map([], place)
            while not isinstance(item := next(events), MappingEndEvent):
                key = self._node(item, events, depth + 1)
                value = self._node(next(events), events, depth + 1)
                if not isinstance(key, _Scalar):
                    raise _UnusableError(key.place, "A key must be a word or a text; put text with [ or { in quotes.")
                node.items.append((key, value))
        else:
            raise _UnusableError(place, "This is not YAML.")
        anchor: str | None = event.anchor
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent, place: Place) -> _Node:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _UnusableError(place, f"More than {MAX_ALIASES} aliases (*name) are used; write the values out.")
        if event.anchor not in self.anchors:
            name = one_line(event.anchor)
            message = f"*{name} stands for nothing above: put text that begins with * into quotes, or add &{name}."
            raise _UnusableError(place, message)
        return self.anchors[event.anchor]

    def _check_tag(self, tag: str | None, allowed: str, place: Place) -> None:
        if tag not in (None, "!", _TAG + allowed):
            raise _UnusableError(place, "Tags (words that begin with !) are not used here; put the text into quotes.")

    def _scalar(self, event: ScalarEvent, place: Place) -> _Scalar:
        text: str = event.value
        if event.tag in ("!", _TAG + "str") or (event.tag is None and not event.implicit[0]):
            return _Scalar(text, text, place)
        if event.tag is not None:
            kind = event.tag.removeprefix(_TAG)
            self._check_tag(event.tag, kind if kind in ("int", "float", "bool", "null") else "", place)
        return _Scalar(_plain(text), text, place)

    def _data(self, node: _Node, path: KeyPath, places: dict[KeyPath, Place]) -> Json:
        places.setdefault(path, node.place)
        if len(places) > MAX_VALUES:
            raise _UnusableError(node.place, "The file holds too many values; write fewer aliases (*name).")
        if len(path) > MAX_DEPTH:
            raise _UnusableError(node.place, f"Blocks are nested more than {MAX_DEPTH} deep here.")
        if isinstance(node, _Scalar):
            return node.value
        if isinstance(node, _List):
            return [self._data(item, (*path, index), places) for index, item in enumerate(node.items)]
        data: dict[str, Json] = {}
        merged: list[tuple[_Scalar, _Node]] = []
        for key, value in node.items:
            if key.text == "<<" and not isinstance(value, _Scalar):
                merged += self._merged(value)
            elif key.text in data:
                first = places[(*path, key.text)]
                self._add(key.place, (*path, key.text), f"This key stands in line {first.line} too: keep one of them.")
            else:
                places[(*path, key.text)] = key.place
                data[key.text] = self._data(value, (*path, key.text), places)
        for key, value in merged:
            if key.text not in data:
                places[(*path, key.text)] = key.place
                data[key.text] = self._data(value, (*path, key.text), places)
        return data

    def _merged(self, value: _Node) -> list[tuple[_Scalar, _Node]]:
        parts = value.items if isinstance(value, _List) else [value]
        found: list[tuple[_Scalar, _Node]] = []
        for part in parts:
            if not isinstance(part, _Map):
                raise _UnusableError(value.place, "After << stands the alias of a block of keys, such as *defaults.")
            found += part.items
        return found

    def _add(self, place: Place, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(self.file, place.line, place.column, written_path(path), message))


def _plain(text: str) -> Json:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _place(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


def _events(text: str) -> Iterator[Event]:
    """The parser's events; its complaints become sentences."""
    try:
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        message = "A character stands here that cannot be seen; delete it and type the text anew."
        raise _UnusableError(Place(line, column), message) from None
    except yaml.MarkedYAMLError as error:
        raise _UnusableError(*_sentence(error)) from None
    except yaml.YAMLError:
        raise _UnusableError(None, "This is not YAML.") from None


_COMPLAINTS: Final = (
    ("found character '\\t'", "A tab stands here; YAML wants spaces."),
    (
        "mapping values are not allowed",
        "A colon cannot stand here: put text that holds one into quotes, or check the indentation.",
    ),
    ("could not find expected ':'", "This line is neither `key: value` nor a list item (- value)."),
    ("expected <block end>", "This line does not fit under the lines above: check its indentation, and the quotes."),
    ("expected ',' or ']'", "A list that begins with [ is not closed, or a comma is missing."),
    ("expected ',' or '}'", "A block that begins with { is not closed, or a comma is missing."),
    ("found unexpected end of stream", "A quotation mark is opened and never closed."),
    ("found unexpected document separator", "A quotation mark is opened and never closed."),
    ("found unknown escape character", "A backslash in double quotes begins an escape: use single quotes instead."),
    ("sequence entries are not allowed", "A list item (-) cannot stand here: check the indentation."),
    ("block sequence entries", "A list item (-) cannot stand here: check the indentation."),
    ("did not find expected node content", "A value is missing here."),
    ("expected the node content", "A value is missing here, or text that begins with this sign is not in quotes."),
    ("expected alphabetic or numeric", "Text that begins with * or & must be in quotes."),
    ("expected '<document start>'", "This line is neither `key: value` nor a list item (- value)."),
    ("undefined tag handle", "Text that begins with ! must be in quotes."),
)


def _sentence(error: yaml.MarkedYAMLError) -> tuple[Place | None, str]:
    problem = str(error.problem or error.context or "")
    mark = error.problem_mark or error.context_mark
    if "unexpected end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark is not None else None
    for sign in "@`%":
        if problem.startswith(f"found character {sign!r}"):
            return place, f"Text that begins with {sign} must be in quotes."
    for words, message in _COMPLAINTS:
        if words in problem:
            return place, message
    return place, f"This is not YAML: {one_line(problem, 120)}."
