"""Templates of the operator's, over data that customers wrote. Pure.

The operator's text is the template; a customer's text is only ever data, and leaves a wiki template escaped, so that it
is shown as it was written. Jinja2's sandbox keeps attributes in, but not resources: what a template may produce is
bounded here. https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import jinja2
from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from syncd.core.wiki import escape

MOST: Final = 32_000
"""Characters that one template may produce; Jira keeps 32,767 of a text."""

_GROWING: Final = frozenset(
    {"ljust", "rjust", "center", "zfill", "format", "format_map", "expandtabs", "replace", "join", "translate"}
)
_GROWING_FILTERS: Final = ("center", "format", "indent", "join", "replace", "xmlattr", "tojson", "pprint", "urlize")
CUT: Final = "\n… (cut off; the whole text is in the ticket)"


class Wiki(str):
    """Wiki markup of our own making, which is not escaped again."""

    __slots__ = ()


class TemplateProblem(Exception):
    """A template that cannot be used; the message says why, for people."""


class BoundedSandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox without what makes a long text of a short one; the one who renders bounds the output."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in _GROWING_FILTERS:
            self.filters.pop(name, None)
        for name in ("lipsum", "range", "cycler", "joiner", "namespace"):
            self.globals.pop(name, None)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Numbers may be computed with; texts and lists can only be added, and only so far."""
        texts = isinstance(left, str | list | tuple) or isinstance(right, str | list | tuple)
        if operator in ("*", "%", "**") and (texts or operator == "**"):
            raise SecurityError(f"{operator} is not allowed here")
        if operator == "+" and texts and len(left) + len(right) > MOST:
            raise SecurityError("the text grows too long")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Nothing that makes a long text of a short one."""
        return attr not in _GROWING and super().is_safe_attribute(obj, attr, value)


def _environment(*, wiki: bool) -> BoundedSandbox:
    return BoundedSandbox(
        undefined=StrictUndefined,
        autoescape=False,  # not HTML: `finalize` escapes for the wiki instead
        finalize=_wiki if wiki else _plain,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(_plain(entry) for entry in value)
    return str(value)


def _wiki(value: object) -> str:
    return str(value) if isinstance(value, Wiki) else escape(_plain(value))


_PLAIN, _WIKI = _environment(wiki=False), _environment(wiki=True)


@functools.lru_cache(maxsize=256)
def _compiled(source: str, *, wiki: bool) -> jinja2.Template:
    """Kept, as each refresh of the routes makes the same templates again."""
    return (_WIKI if wiki else _PLAIN).from_string(source)


class Template:
    """A template of the operator's. `wiki`: its output is Jira wiki markup, in which data is escaped."""

    __slots__ = ("_compiled", "source", "wiki")

    def __init__(self, source: str, *, wiki: bool = False) -> None:
        """Raises TemplateProblem when it is not one."""
        self.source = source
        self.wiki = wiki
        try:
            self._compiled = _compiled(source, wiki=wiki)
        except TemplateSyntaxError as error:
            raise TemplateProblem(f"line {error.lineno}: {error.message}") from None
        except TemplateError as error:
            raise TemplateProblem(str(error.message)) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and (self.source, self.wiki) == (other.source, other.wiki)

    def __hash__(self) -> int:
        return len(self.source)  # the same in every process

    def __repr__(self) -> str:
        return f"Template({self.source!r}, wiki={self.wiki})"

    def render(self, data: Mapping[str, Any]) -> str:
        """The text, at most MOST characters; what is longer is cut and says so. Raises TemplateProblem."""
        parts: list[str] = []
        length = 0
        try:
            for part in self._compiled.generate(**data):
                parts.append(part)
                length += len(part)
                if length > MOST:
                    return "".join(parts)[: MOST - len(CUT)] + CUT
        except UndefinedError as error:
            raise TemplateProblem(f"{error.message}") from None
        except SecurityError as error:
            raise TemplateProblem(f"not allowed: {error.message}") from None
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise TemplateProblem(f"{type(error).__name__}: {error}") from None
        return "".join(parts)
