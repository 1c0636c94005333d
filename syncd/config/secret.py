"""Secrets: the configuration names where they are kept; they are read when they are needed, and never shown."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LARGEST: Final = 65536  # bytes; no token is longer


class SecretError(Exception):
    """A secret cannot be read. The sentence names the place, never the content."""


class Secret:
    """A secret in an environment variable or a file. reveal() reads it anew, so that a rotated one is seen."""

    __slots__ = ("_env", "_environ", "_file")

    def __init__(
        self, *, env: str | None = None, file: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        if (env is None) == (file is None):
            raise ValueError("a secret has one place: an environment variable or a file")
        self._env = env
        self._file = file
        self._environ: Mapping[str, str] = {} if environ is None else environ

    def __repr__(self) -> str:
        return "Secret(…)"

    @property
    def place(self) -> str:
        """Where it is kept, for sentences: `the environment variable ZENDESK_TOKEN`."""
        return f"the environment variable {self._env}" if self._env else f"the file {self._file}"

    def reveal(self) -> str:
        """The secret as it is now, without the line end; raises SecretError when there is none."""
        text = self._environ.get(self._env or "", "") if self._file is None else self._read(self._file)
        text = text.strip()
        if not text:
            raise SecretError(f"There is no secret in {self.place}: it is empty or not set.")
        if any(not char.isprintable() for char in text):
            raise SecretError(f"The secret in {self.place} must be one line of printable characters.")
        return text

    def warning(self) -> str | None:
        """What an operator should mend about the place, as far as it can be told without reading the secret."""
        if self._file is None:
            if self._environ.get(self._env or "", "").strip():
                return None
            return f"The environment variable {self._env} is not set: set it where syncd runs."
        try:
            mode = self._file.stat().st_mode
        except OSError:
            return f"The file {self._file} cannot be found: put the secret there before syncd runs."
        if not stat.S_ISREG(mode):
            return f"{self._file} is not a file: write the path of the file that holds the secret."
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            return f"Others than its owner can open the file {self._file}: run chmod 600 {self._file}"
        return None

    def _read(self, file: Path) -> str:
        try:
            with file.open("rb") as stream:
                content = stream.read(LARGEST + 1)
        except OSError as error:
            raise SecretError(f"The secret in {self.place} cannot be read: {error.strerror or 'no access'}.") from None
        if len(content) > LARGEST:
            raise SecretError(f"{self.place[0].upper()}{self.place[1:]} is too large for a secret.")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SecretError(f"The secret in {self.place} is not text in UTF-8.") from None
