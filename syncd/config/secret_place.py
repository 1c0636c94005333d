"""Blocks of the configuration that name where a secret is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from pydantic import PrivateAttr, ValidationInfo, model_validator

from syncd.config.fields import Surroundings, surroundings
from syncd.config.secret import Secret
from syncd.config.sentences import Model, Relation


def one_place(data: Mapping[str, object], stem: str) -> Iterator[Relation]:
    """Problems with the two keys of which one says where the secret is: `STEM_env` and `STEM_file`."""
    written = [key for key in (f"{stem}_env", f"{stem}_file") if key in data]
    if len(written) > 1:
        yield (written[1],), f"Keep one of {stem}_env and {stem}_file: a secret has one place."
    elif not written and stem not in data:
        yield (), f"The secret's place is missing: write {stem}_env: NAME_OF_VARIABLE or {stem}_file: /its/path."


class WithSecret(Model):
    """A block that names where a secret is kept."""

    _around: Surroundings = PrivateAttr(default_factory=Surroundings)

    @model_validator(mode="after")
    def _keep_surroundings(self, info: ValidationInfo) -> Self:
        self._around = surroundings(info)
        return self

    def _secret(self, env: str | None, file: str | None) -> Secret:
        return Secret(env=env, file=Path(file) if file else None, environ=self._around.environ)

    def _optional_secret(self, env: str | None, file: str | None) -> Secret | None:
        """None when no place is configured."""
        return None if env is None and file is None else self._secret(env, file)
