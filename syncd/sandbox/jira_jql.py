"""The grammar of JQL as far as the pretend Jira understands it: text in, a small tree out.

Known: comparisons, `in`, `is empty`, AND, OR, NOT, parentheses, functions, quoting with escapes, ORDER BY with
several keys. What means what (fields, values, dates) is decided in `jira_jql_plan`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

RESERVED: Final = frozenset(
    """abort access add after alias all alter and any as asc audit avg before begin between boolean break by byte
    catch cf changed char character check checkpoint collate collation column commit connect continue count create
    current date decimal declare decrement default defaults define delete delimiter desc difference distinct divide
    do double drop else empty encoding end equals escape exclusive exec execute exists explain false fetch field file
    first float for from function go goto grant greater group having identified if immediate in increment index
    initial inner inout input insert int integer intersect intersection into is isempty isnull join last left less
    like limit lock long max min minus mode modify modulo more multiply next noaudit not notin nowait null number
    object of on option or order outer output power previous prior privileges public raise raw remainder rename
    resource return returns revoke right row rowid rownum rows select session set share size sqrt start strict string
    subtract sum synonym table then to trans transaction trigger true uid union unique update user validate values
    view was when whenever where while with""".split()  # noqa: SIM905 - a list of 170 quoted words reads worse
)
#: Words that end an operand and can never be one.
KEYWORDS: Final = frozenset({"and", "or", "not", "in", "is", "order", "by"})

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<custom>cf\[\d+\])
      | (?P<op>>=|<=|!=|!~|&&|\|\||[=<>~!&|(),])
      | (?P<word>[^\s"'=<>~!&|(),+;?*/%^$\#@\[\]{}]+)
      | (?P<bad>\S)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", " ": " "}


class JqlSyntaxError(ValueError):
    """The text is not JQL; the message says where."""


@dataclass(slots=True, frozen=True)
class Operand:
    """A value. kind "text" (with `quoted`), "function" (with `arguments`) or "empty"."""

    kind: Literal["text", "function", "empty"]
    value: str
    quoted: bool = False
    arguments: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Clause:
    """`field operator operands`; the operator is lower case, e.g. "=", "not in", "is"."""

    field: str
    operator: str
    operands: tuple[Operand, ...]


@dataclass(slots=True, frozen=True)
class Both:
    """AND of its parts."""

    parts: tuple[Node, ...]


@dataclass(slots=True, frozen=True)
class Either:
    """OR of its parts."""

    parts: tuple[Node, ...]


@dataclass(slots=True, frozen=True)
class Negated:
    """NOT of its part."""

    part: Node


Node = Clause | Both | Either | Negated


@dataclass(slots=True, frozen=True)
class Sort:
    """One key of ORDER BY."""

    field: str
    descending: bool


@dataclass(slots=True, frozen=True)
class Query:
    """A whole query; `where` None: no restriction at all."""

    where: Node | None
    order: tuple[Sort, ...]


@dataclass(slots=True, frozen=True)
class _Token:
    kind: Literal["string", "word", "op", "end"]
    text: str
    column: int


def parse(jql: str) -> Query:
    """The query as a tree. Raises `JqlSyntaxError`."""
    return _Parser(_tokens(jql)).query()


def _unescape(body: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] == "u" and len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise JqlSyntaxError(f"'\\{code}' is an illegal JQL escape sequence.")
        return _ESCAPES[code]

    return _ESCAPE.sub(one, body)


def _tokens(jql: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    end = len(jql.rstrip())
    while position < end:
        match = _TOKEN.match(jql, position)
        if match is None:
            break
        position = match.end()
        column = match.start(match.lastgroup or 0) + 1
        text = match.group(match.lastgroup or 0)
        if match.lastgroup == "bad":
            if text in "\"'":
                raise JqlSyntaxError(f"The quoted string starting at column {column} is not finished.")
            raise JqlSyntaxError(
                f"The character '{text}' is a reserved JQL character. You must enclose it in a string or use "
                f"the escape '\\u{ord(text):04x}' instead. (line 1, character {column})"
            )
        if match.lastgroup == "string":
            found.append(_Token("string", _unescape(text[1:-1]), column))
        else:
            found.append(_Token("op" if match.lastgroup == "op" else "word", text, column))
    found.append(_Token("end", "", end + 1))
    return found


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _word(self, *words: str) -> bool:
        token = self._now
        if token.kind == "word" and token.text.lower() in words:
            self._at += 1
            return True
        return False

    def _op(self, *ops: str) -> bool:
        if self._now.kind == "op" and self._now.text in ops:
            self._at += 1
            return True
        return False

    def _fail(self, expected: str) -> JqlSyntaxError:
        token = self._now
        found = "the end of the query" if token.kind == "end" else f"'{token.text}'"
        return JqlSyntaxError(f"Expecting {expected} but got {found}. (line 1, character {token.column})")

    def query(self) -> Query:
        where = None
        if self._now.kind != "end" and not self._starts_order():
            where = self._either()
        order = self._order() if self._starts_order() else ()
        if self._now.kind != "end":
            raise self._fail("either 'OR' or 'AND'")
        return Query(where, order)

    def _starts_order(self) -> bool:
        token = self._now
        return token.kind == "word" and token.text.lower() == "order"

    def _order(self) -> tuple[Sort, ...]:
        self._at += 1
        if not self._word("by"):
            raise self._fail("'by'")
        keys: list[Sort] = []
        while True:
            field = self._field()
            descending = self._word("desc")
            if not descending:
                self._word("asc")
            keys.append(Sort(field, descending))
            if not self._op(","):
                return tuple(keys)

    def _either(self) -> Node:
        parts = [self._both()]
        while self._word("or") or self._op("||", "|"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Node:
        parts = [self._not()]
        while self._word("and") or self._op("&&", "&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _not(self) -> Node:
        if self._word("not") or self._op("!"):
            return Negated(self._not())
        if self._op("("):
            inner = self._either()
            if not self._op(")"):
                raise self._fail("')'")
            return inner
        return self._clause()

    def _field(self) -> str:
        token = self._now
        if token.kind not in {"word", "string"} or (token.kind == "word" and token.text.lower() in RESERVED):
            raise self._fail("a field name")
        self._at += 1
        return token.text

    def _clause(self) -> Clause:
        field = self._field()
        if self._now.kind == "op" and self._now.text in {"=", "!=", "~", "!~", ">", ">=", "<", "<="}:
            operator = self._now.text
            self._at += 1
            return Clause(field, operator, (self._operand(),))
        if self._word("is"):
            operator = "is not" if self._word("not") else "is"
            operand = self._operand()
            if operand.kind != "empty":
                raise JqlSyntaxError(f"The operator '{operator}' works with 'empty' and 'null' only.")
            return Clause(field, operator, (operand,))
        negated = self._word("not")
        if self._word("in"):
            return Clause(field, "not in" if negated else "in", self._list())
        if self._now.kind == "word" and self._now.text.lower() in {"was", "changed"}:
            raise JqlSyntaxError(f"History searches do not support the '{field}' field here.")
        raise self._fail(
            "operator; the valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' "
            "and 'IS NOT',"
        )

    def _list(self) -> tuple[Operand, ...]:
        if not self._op("("):
            operand = self._operand()
            if operand.kind != "function":
                raise self._fail("a list in parentheses or a function")
            return (operand,)
        values = [self._operand()]
        while self._op(","):
            values.append(self._operand())
        if not self._op(")"):
            raise self._fail("')' or ','")
        return tuple(values)

    def _operand(self) -> Operand:
        token = self._now
        if token.kind == "string":
            self._at += 1
            return Operand("text", token.text, quoted=True)
        if token.kind != "word":
            raise self._fail("either a value, list or function")
        self._at += 1
        word = token.text
        if self._now.kind == "op" and self._now.text == "(" and word.lower() not in KEYWORDS:
            self._at += 1
            return Operand("function", word, arguments=self._arguments())
        if word.lower() in {"empty", "null"}:
            return Operand("empty", word)
        if word.lower() in RESERVED:
            raise JqlSyntaxError(
                f"'{word}' is a reserved JQL word. You must surround it in quotation marks to use it in a query. "
                f"(line 1, character {token.column})"
            )
        return Operand("text", word)

    def _arguments(self) -> tuple[str, ...]:
        values: list[str] = []
        if self._op(")"):
            return ()
        while True:
            token = self._now
            if token.kind not in {"string", "word"}:
                raise self._fail("an argument")
            values.append(token.text)
            self._at += 1
            if self._op(")"):
                return tuple(values)
            if not self._op(","):
                raise self._fail("')' or ','")
