"""Reads config.yaml and the mappings it names, and says everything that is wrong with them at once."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

import syncd
from syncd.config.escalation_rules import Surroundings as EscalationSurroundings
from syncd.config.escalation_rules import problems as escalation_problems
from syncd.config.fields import Surroundings
from syncd.config.mapping_file import MappingFile, MappingModel
from syncd.config.meaning import meaning_of
from syncd.config.models import Config
from syncd.config.names import nearest
from syncd.config.problems import ConfigError, KeyPath, Problem, in_order, listed, one_line
from syncd.config.sentences import Model, relations_of
from syncd.config.sla_profile import AS_WRITTEN, Grounded, grounded, read_profile
from syncd.config.sla_rules import rule_problems
from syncd.config.yamlfile import MAX_BYTES, Document, read_yaml
from syncd.core.model import Json

_M = TypeVar("_M", bound=Model)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that may be used."""

    config: Config
    mappings: Mapping[str, MappingFile]  # by what routes[].mapping says
    warnings: tuple[Problem, ...]
    digest: str  # changes when the meaning of any of the files does; comments and order of keys do not count
    document: Document  # config.yaml with its places, for what the live checks find
    ground: Grounded = AS_WRITTEN  # `sla:` with its profile filled in

    def problem(self, path: KeyPath, sentence: str) -> Problem:
        """A problem with what stands at that path of the configuration, at the place where it is written."""
        return self.document.problem(self.ground.written(path), sentence)

    def is_written(self, path: KeyPath) -> bool:
        """True for what stands in the file itself, False for what a profile brings along."""
        return self.ground.written(path) in self.document.places

    def mapping_of(self, route: str) -> MappingFile:
        """The mapping of the route with this name; raises KeyError for an unknown one."""
        for candidate in self.config.routes:
            if candidate.name == route:
                return self.mappings[candidate.mapping]
        raise KeyError(route)


def packaged_mappings() -> Path:
    """The folder of the mappings that come with syncd."""
    package = Path(syncd.__file__).parent
    installed = package / "_mappings"
    return installed if installed.is_dir() else package.parent / "mappings"


def load_config(path: Path | str, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read config.yaml at `path` and its mappings; raises ConfigError with all problems of all files.

    `environ` stands behind `${VAR}` and secrets (default: the process's own, read again at each reveal). Secrets are
    not read here; a place of a secret that does not exist yet is a warning.
    """
    file = Path(path)
    around = Surroundings(os.environ if environ is None else environ, file.absolute().parent)
    document, problems = _read(file, str(path))
    config: Config | None = None
    ground = AS_WRITTEN
    mappings: dict[str, MappingFile] = {}
    if document is not None:
        config, ground, found = _config(document, around)
        problems += found
        for name, place in _mapping_names(document).items():
            mapping, found = _load_named(name, document, place, around.folder)
            problems += found
            if mapping is not None:
                mappings[name] = mapping
    if problems or config is None or document is None:
        raise ConfigError(problems)
    warnings = in_order(_warnings(config, document))
    return Loaded(config, mappings, warnings, _digest(config, mappings.values()), document, ground)


def load_mapping(path: Path | str, name: str | None = None) -> MappingFile:
    """Read one mapping file; raises ConfigError with all its problems."""
    file = Path(path)
    document, problems = _read(file, str(path))
    return _mapping(name or file.stem, document, problems)


def parse_mapping(text: str, name: str = "mapping", file: str = "mapping.yaml") -> MappingFile:
    """As load_mapping, for a text that is not in a file yet."""
    document, problems = read_yaml(text.encode(), file)
    return _mapping(name, document, list(problems))


def _mapping(name: str, document: Document | None, problems: list[Problem]) -> MappingFile:
    if document is not None:
        model, found = _validated(MappingModel, document, Surroundings())
        problems += found
        if model is not None and not problems:
            return MappingFile(name, model, document)
    raise ConfigError(problems)


def _read(file: Path, shown: str) -> tuple[Document | None, list[Problem]]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        sentence = "There is no such file: give the path of config.yaml, or make one with syncd init."
        return None, [Problem(shown, None, None, "", sentence)]
    except OSError as error:
        sentence = f"The file cannot be read: {error.strerror or 'no access'}."
        return None, [Problem(shown, None, None, "", sentence)]
    document, problems = read_yaml(content, shown)
    return document, list(problems)


def _validated(
    model: type[_M],
    document: Document,
    around: Surroundings,
    data: Json = None,
    written: Callable[[KeyPath], KeyPath] = lambda path: path,
) -> tuple[_M | None, list[Problem]]:
    """The model of `data` (by default the document's), and where what is wrong with it is `written`."""
    if document.data is None:
        return None, [document.problem((), "The file is empty: syncd init writes one to start from.")]
    try:
        return model.model_validate(document.data if data is None else data, context=around), []
    except ValidationError as error:
        return None, [document.problem(written(path), sentence) for path, sentence in relations_of(error)]


def _config(document: Document, around: Surroundings) -> tuple[Config | None, Grounded, list[Problem]]:
    """The model of config.yaml, with the profile that `sla:` may name filled in."""
    sla = document.data.get("sla") if isinstance(document.data, dict) else None
    name = sla.get("profile") if isinstance(sla, dict) else None
    ground = Grounded(sla)
    if isinstance(name, str):
        try:
            ground = grounded(sla, read_profile(name, packaged_mappings()))
        except ValueError as error:
            return None, ground, [document.problem(("sla", "profile"), str(error))]
    data = {**document.data, "sla": ground.data} if isinstance(document.data, dict) and sla is not None else None
    config, problems = _validated(Config, document, around, data, ground.written)
    if config is not None and config.sla is not None:
        found = rule_problems(config.sla)
        problems += [document.problem(ground.written(path), sentence) for path, sentence in found]
    if config is not None and config.escalation is not None:
        found = escalation_problems(config.escalation, _around(config))
        problems += [document.problem(path, sentence) for path, sentence in found]
    return config, ground, problems


def _around(config: Config) -> EscalationSurroundings:
    """The names that escalation rules may refer to."""
    return EscalationSurroundings(
        metrics=() if config.sla is None else tuple(config.sla.metrics),
        calendars=() if config.sla is None else tuple(config.sla.calendars),
        receivers=tuple(receiver.name for receiver in config.receivers),
        creating=tuple(r.name for r in config.routes if r.create is not None and r.create.act_tag),
        has_clocks=config.sla is not None,
    )


def _mapping_names(document: Document) -> dict[str, KeyPath]:
    """The mappings that routes name, each with the first place that does, told even when the rest is wrong."""
    routes = document.data.get("routes") if isinstance(document.data, dict) else None
    names: dict[str, KeyPath] = {}
    for index, route in enumerate(routes if isinstance(routes, list) else ()):
        name = route.get("mapping", "default") if isinstance(route, dict) else None
        if isinstance(name, str) and name.strip():
            names.setdefault(name.strip(), ("routes", index, "mapping"))
    return names


def _load_named(
    name: str, document: Document, place: KeyPath, folder: Path
) -> tuple[MappingFile | None, list[Problem]]:
    if "/" in name or name.endswith((".yaml", ".yml")):
        candidates = [folder / Path(name).expanduser()]
    elif re.fullmatch(r"\w[\w.-]*", name):
        own, shipped = folder / "mappings" / f"{name}.yaml", packaged_mappings() / f"{name}.yaml"
        if not own.is_file() and shipped.is_file():
            return _shipped(shipped, name), []
        candidates = [own, shipped]
    else:
        return None, [document.problem(place, "Write the name of a file in mappings/, such as default, or its path.")]
    for candidate in candidates:
        if candidate.is_file():
            try:
                return load_mapping(candidate, name=name), []
            except ConfigError as error:
                return None, list(error.problems)
    return None, [document.problem(place, _no_mapping(name, candidates))]


@functools.cache
def _shipped(path: Path, name: str) -> MappingFile:
    """A mapping that came with syncd; read once, as it changes only with syncd itself."""
    return load_mapping(path, name=name)


def _no_mapping(name: str, candidates: list[Path]) -> str:
    if len(candidates) == 1:
        return f"There is no file {candidates[0]}: mend the path, or write default."
    known = sorted({file.stem for candidate in candidates for file in candidate.parent.glob("*.yaml")})
    meant = nearest(name, known)
    if meant:
        return f'There is no mapping "{one_line(name)}"; did you mean "{meant}"?'
    return f'There is no mapping "{one_line(name)}" ({candidates[0]}); there are {listed(known, "and")}.'


def _warnings(config: Config, document: Document) -> list[Problem]:
    found: list[Problem] = []
    for path, secret in config.secrets():
        warning = secret.warning()
        if warning is not None:
            found.append(document.problem(path, warning))
    for key, auth in (("auth", config.zendesk.auth), ("reader_auth", config.zendesk.reader_auth)):
        if auth is not None and auth.api_token is not None:
            sentence = "Zendesk's API tokens stop working on 2027-04-30: make an OAuth client and write oauth here."
            found.append(document.problem(("zendesk", key, "api_token"), sentence))
    jira = config.jira
    if "//api.atlassian.com/" in f"{jira.base_url}/" and jira.site_url == jira.base_url:
        sentence = "Links for people need the address of the site: write site_url: https://acme.atlassian.net."
        found.append(document.problem(("jira", "base_url"), sentence))
    for index, route in enumerate(config.routes):
        if route.link_field is None and not route.link_tag:
            sentence = (
                "Nothing makes a link on this route: write mirror.bug, link_field or link_tag, or add links by hand."
            )
            found.append(document.problem(("routes", index), sentence))
    return found


def _digest(config: Config, mappings: Iterable[MappingFile]) -> str:
    meaning = {
        "config": config.model_dump(mode="json", exclude={"guard": {"accept"}}),
        "mappings": sorted((mapping.name, meaning_of(mapping.model)) for mapping in mappings),
    }
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"syncd-config").hexdigest()
