"""The base of all models of the configuration: what pydantic finds becomes sentences that say what to write.

A model refuses unknown keys, and checks relations between its keys together with the keys themselves, so that all
problems of a file are known after one reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from syncd.config.names import nearest
from syncd.config.problems import KeyPath, listed, one_line

SENTENCE: Final = "sentence"
_KEY: Final = "[key]"  # how pydantic marks a problem with a key of a map
_SECRETIVE: Final = re.compile(r"secret|token|passw|pwd|api_?key|credential|private_?key", re.IGNORECASE)

Relation: TypeAlias = tuple[KeyPath, str]


def refusal(sentence: str) -> PydanticCustomError:
    """An error that reaches the operator as this sentence."""
    return PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})


class Model(BaseModel):
    """A block of keys in a file. Validated with a context it is one that was read: nothing in it may be left empty."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        """Problems between keys, told from what is written (of any type, so skip what has the wrong one)."""
        del data
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, data: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        found: list[Relation] = []
        model: Self | None = None
        try:
            model = handler(data)
        except ValidationError as error:
            found = [_explained(cls, detail) for detail in error.errors(include_url=False) if not _follows(detail)]
        if isinstance(data, Mapping):
            if info.context is not None:
                found += _left_empty(cls, data, {path for path, _ in found})
            found += [relation for relation in cls.relations(data) if relation not in found]
        if model is not None and not found:
            return model
        details = [InitErrorDetails(type=refusal(text), loc=path, input=None) for path, text in found]
        raise ValidationError.from_exception_data(cls.__name__, details)


def relations_of(error: ValidationError) -> list[Relation]:
    """The sentences that a model's error carries, with the paths they belong to."""
    return [(_path(detail["loc"]), detail["msg"]) for detail in error.errors(include_url=False)]


def _path(loc: KeyPath) -> KeyPath:
    return tuple(part for part in loc if part != _KEY)


def _follows(detail: ErrorDetails) -> bool:
    """True for a complaint that another one brings about: a wrong entry makes its list look too short."""
    if detail["type"] == "too_short":
        return bool(detail["input"])
    return detail["type"] == "default_factory_not_called"


def _explained(model: type[Model], detail: ErrorDetails) -> Relation:
    path = _path(detail["loc"])
    if detail["type"] == SENTENCE:
        return path, detail["msg"]
    if detail["type"] == "extra_forbidden":
        return path, _unknown_key(model, str(path[-1]))
    return path, _wrong_value(model, path, detail)


def _left_empty(model: type[Model], data: Mapping[str, object], known: set[KeyPath]) -> list[Relation]:
    """Keys of a file with nothing after the colon, where a default would otherwise hide the slip."""
    empty = [key for key, value in data.items() if value is None and key in model.model_fields and (key,) not in known]
    return [((key,), _nothing_written(_example(model, key))) for key in empty]


def _nothing_written(example: str) -> str:
    return "Nothing is written here" + (f": write {example}." if example else ".")


def _unknown_key(model: type[Model], key: str) -> str:
    known = list(model.model_fields)
    meant = nearest(key, known)
    if _SECRETIVE.search(key):
        stems = [name for name in known if name.endswith(("_env", "_file")) and _SECRETIVE.search(name)]
        if stems:
            stem = stems[0].rsplit("_", 1)[0]
            return (
                "A secret must not stand in this file: put it into an environment variable and write "
                f"{stem}_env: ITS_NAME, or into a file of its own and write {stem}_file: /its/path."
            )
    if meant:
        return f'There is no key "{one_line(key)}" here; did you mean "{meant}"?'
    return f'There is no key "{one_line(key)}" here; the keys are {listed(known, "and")}.'


def _wrong_value(model: type[Model], path: KeyPath, detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    key = path[0] if path else None
    example = _example(model, str(key)) if key is not None else ""
    if kind == "missing":
        return f'"{key}" is missing: write {example or f"{key}: …"}'.rstrip(".") + "."
    if detail["input"] is None:
        if key is None:
            return f"Nothing is written under this key: write {listed(model.model_fields)}, or remove the line."
        return _nothing_written(example)
    if kind in ("model_type", "model_attributes_type", "dict_type", "mapping_type"):
        if path:
            return "Write a block of keys here" + (f", such as {example}." if example else ".")
        return f"Write a block of keys here: {listed(model.model_fields)}."
    return _by_kind(kind, context, example, detail["input"])


def _by_kind(kind: str, context: Mapping[str, Any], example: str, value: object) -> str:
    such_as = f", such as {example}" if example else ""
    if kind == "literal_error":
        return choice_sentence(value, re.findall(r"'([^']*)'", str(context.get("expected", ""))))
    if kind.startswith("bool_"):
        return "Write true or false."
    if kind.startswith(("int_", "float_", "finite_")):
        return f"Write a number{such_as}."
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        limit = next(iter(context.values()))
        words = {
            "greater_than": "more than",
            "greater_than_equal": "at least",
            "less_than": "less than",
            "less_than_equal": "at most",
        }
        return f"Write {words[kind]} {limit}."
    if kind in ("list_type", "tuple_type", "iterable_type"):
        return f"Write a list{such_as}."
    if kind == "too_short":
        return f"Write at least one entry{such_as}."
    if kind == "too_long":
        return f"Write at most {context.get('max_length')} entries{such_as}."
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"Put this into quotes, so that it is read as text{such_as}."
    if kind.startswith("string_"):
        return f"Write text here{such_as}."
    return f"This cannot be used here{such_as and '; write something' + such_as[1:]}."


def choice_sentence(value: object, choices: list[str]) -> str:
    """What to write where one of a few words is expected."""
    meant = nearest(str(value), choices)
    return f"Write {listed(choices)}" + (f'; did you mean "{meant}"?' if meant else ".")


def _example(model: type[Model], key: str) -> str:
    field = model.model_fields.get(key)
    if field is None or not field.examples:
        return ""
    return f"{key}: {field.examples[0]}"
