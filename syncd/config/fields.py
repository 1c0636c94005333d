"""The kinds of values that config.yaml is made of: addresses, names of variables, files, tags, texts."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from syncd.config.problems import one_line
from syncd.config.sentences import refusal

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_ENV_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration refers to beyond its text."""

    environ: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)  # relative paths begin here: the folder of config.yaml


def surroundings(info: ValidationInfo) -> Surroundings:
    """The surroundings of this reading; without any, the process's environment and the working folder."""
    return info.context if isinstance(info.context, Surroundings) else Surroundings(os.environ)


def expand(text: str, environ: Mapping[str, str]) -> str:
    """`${NAME}` and `${NAME:-otherwise}` replaced from the environment; raises ValueError with a sentence."""

    def value_of(match: re.Match[str]) -> str:
        name, _, otherwise = match.group(1).partition(":-")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError("Between ${ and } stands the name of an environment variable, as in ${ZENDESK_URL}.")
        value = environ.get(name, "") or otherwise
        if not value:
            message = f"The environment variable {name} is not set: set it, or write ${{{name}:-the value}}."
            raise ValueError(message)
        return value

    return _VARIABLE.sub(value_of, text)


def _expanded(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    try:
        return expand(value, surroundings(info).environ).strip()
    except ValueError as error:
        raise refusal(str(error)) from None


Expanded = Annotated[str, BeforeValidator(_expanded)]
"""A text in which `${VAR}` is replaced."""


def is_loopback(host: str) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError for a port that is no number
    except ValueError:
        raise refusal("This is not an address: write one such as https://acme.example.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or re.search(r"\s", url):
        raise refusal("This is not an address: write one such as https://acme.example.")
    return parts


def _base_url(url: str) -> str:
    parts = _split(url)
    if parts.username is not None or parts.password is not None:
        raise refusal("Write the address without user name and password; those belong under auth.")
    if parts.query or parts.fragment:
        raise refusal("Write the address without what follows ? or #.")
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        raise refusal(f"Write https://{one_line(host, 80)}: plain http is allowed on this machine (127.0.0.1) only.")
    if re.search(r"/(api/v2|rest/api|rest/agile)(/|$)", parts.path):
        raise refusal("Write the address without the path of the API (/api/v2, /rest/api/2); syncd adds it.")
    return url.rstrip("/")


BaseUrl = Annotated[Expanded, AfterValidator(_base_url)]
"""An address of a server, without a slash at the end: https, or http on this machine."""


def _site(url: str) -> str:
    if urlsplit(url).path not in ("", "/"):
        raise refusal("Write the address without a path, such as https://acme.zendesk.com.")
    return url


SiteUrl = Annotated[BaseUrl, AfterValidator(_site)]
"""A base address that has no path."""


def _env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        # The text is not repeated in the sentence: it may be the secret itself.
        raise refusal(
            "Write the NAME of an environment variable in capital letters, such as ZENDESK_TOKEN: "
            "not its value, and without ${ }."
        )
    return name


EnvName = Annotated[str, AfterValidator(_env_name)]
"""The name of an environment variable that holds a secret."""


def _secret_file(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    around = surroundings(info)
    try:
        text = expand(value, around.environ).strip()
    except ValueError as error:
        raise refusal(str(error)) from None
    if "/" not in text and "." not in text:
        # As above: a pasted secret is not repeated.
        raise refusal("Write the path of the file that holds the secret, such as /etc/syncd/zendesk_token or ./token.")
    if _CONTROL.search(text):
        raise refusal("Write the path of the file that holds the secret, in one line.")
    return str(around.folder / Path(text).expanduser())


SecretFile = Annotated[str, BeforeValidator(_secret_file)]
"""The path of a file that holds a secret and nothing else."""


def _certificates(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    around = surroundings(info)
    try:
        path = around.folder / Path(expand(value, around.environ).strip()).expanduser()
    except ValueError as error:
        raise refusal(str(error)) from None
    if not path.exists():
        raise refusal(f"There is no file or folder {one_line(str(path), 200)}: write where the certificates are (PEM).")
    return str(path)


Certificates = Annotated[str, BeforeValidator(_certificates)]
"""The path of a PEM file, or of a folder that c_rehash prepared, that is there."""


def _text(text: str) -> str:
    if not text.strip():
        raise refusal("Nothing is written here: write a text, or leave the key out.")
    if _CONTROL.search(text):
        raise refusal("Write this in one line, without control characters.")
    return text.strip()


def _number_is_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, AfterValidator(_text)]
"""A text in one line that is not empty."""

NameOrId = Annotated[str, BeforeValidator(_number_is_text), AfterValidator(_text)]
"""A name as a tracker shows it, or an id."""


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s/:]+@[^@\s/:]+", text):
        raise refusal("Write the account's e-mail address, such as syncd@acme.example (without /token).")
    return text


Email = Annotated[Expanded, AfterValidator(_email)]
"""The e-mail address of an account."""


def _tag(text: str) -> str:
    folded = text.strip().lower()
    if re.search(r"[\s,\"]", folded):
        raise refusal("A tag has no spaces, commas or quotes: write it as Zendesk shows it, such as syncd_off.")
    return folded


Tag = Annotated[str, AfterValidator(_tag)]
"""A Zendesk tag or the beginning of one; empty = off."""


def _project(key: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
        meant = re.split(r"[^A-Z0-9_]", key.strip().upper())[0]
        such = meant if re.fullmatch(r"[A-Z][A-Z0-9_]*", meant) else "ENG"
        raise refusal(f"Write the project's key, which is in capital letters, such as {such}.")
    return key


ProjectKey = Annotated[str, AfterValidator(_project)]
"""The key of a Jira project: the part of an issue's key before the number."""


def _store_url(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    if re.search(r"://[^/@]*:[^/@]+@", value) or re.search(r"[?&]password=", value):
        raise refusal(
            "A password must not stand in this file: write the address without it, "
            "and beside it password_env: ITS_NAME or password_file: /its/path."
        )
    return _expanded(value, info)


def _known_store(url: str) -> str:
    if not re.match(r"(sqlite|postgresql(\+psycopg)?)://", url):
        raise refusal("Write sqlite:///syncd.db, or postgresql://user@host/database.")
    return url


StoreUrl = Annotated[str, BeforeValidator(_store_url), AfterValidator(_known_store)]
"""Where the store is, in the form that SQLAlchemy reads."""
