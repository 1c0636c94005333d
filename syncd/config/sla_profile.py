"""Shipped profiles as the ground that `sla:` builds on: what is written beside `profile: NAME` goes before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from syncd.config.names import nearest
from syncd.config.problems import KeyPath, listed, one_line
from syncd.config.yamlfile import read_yaml
from syncd.core.model import Json

_BY_NAME: Final = ("calendars", "metrics")
_BY_KEY: Final = ("options", "forecast")


@dataclass(frozen=True, slots=True)
class Grounded:
    """The content of `sla:` with its profile filled in."""

    data: Json
    policies: tuple[int | None, ...] = ()  # where each policy is written; None = it is the profile's

    def written(self, path: KeyPath) -> KeyPath:
        """A path of `data` (from `sla` on) as a path of the file."""
        match path:
            case ("sla", "policies", int() as place, *rest) if self.policies and place < len(self.policies):
                origin = self.policies[place]
                return ("sla", "profile") if origin is None else ("sla", "policies", origin, *rest)
            case _:
                return path


AS_WRITTEN: Final = Grounded(None)
"""Without a profile every path is written as it is."""


def profile_names(folder: Path) -> tuple[str, ...]:
    """The profiles in a folder of mappings."""
    return tuple(sorted(file.stem for file in (folder / "profiles").glob("*.yaml")))


def profile_text(name: str, folder: Path) -> str:
    """A profile's file; raises ValueError with a sentence for one that is not there."""
    names = profile_names(folder)
    if name not in names:
        meant = nearest(name, names)
        hint = f'; did you mean "{meant}"?' if meant else f"; there are {listed(names, 'and')}."
        raise ValueError(f'There is no profile "{one_line(name)}"{hint}')
    return (folder / "profiles" / f"{name}.yaml").read_text(encoding="utf-8")


def read_profile(name: str, folder: Path) -> Mapping[str, Any]:
    """The content of a profile's `sla:`; raises ValueError as profile_text."""
    document, problems = read_yaml(profile_text(name, folder).encode(), f"{name}.yaml")
    data = document.data if document is not None else None
    sla = data.get("sla") if isinstance(data, dict) else None
    if problems or not isinstance(sla, dict):
        raise ValueError(f"The profile {name} cannot be read: its file is no YAML with the key sla.")
    return sla


def grounded(written: Json, profile: Mapping[str, Any]) -> Grounded:
    """What is written, on the ground of the profile.

    Calendars and metrics go together by name and key, options key by key. A policy of the profile's name changes that
    policy in its place, target by target and goal by goal; another one comes before the profile's, in the order
    written. Lists (tiers, holders, fields) and all the rest take the profile's place as a whole."""
    if not isinstance(written, dict):
        return Grounded(written)
    data: dict[str, Any] = {**profile, **written}
    for key in _BY_NAME:
        data[key] = _joined(profile.get(key), written.get(key), depth=2)
    for key in _BY_KEY:
        if key in profile or key in written:
            data[key] = _joined(profile.get(key), written.get(key), depth=1)
    rows = written.get("policies")
    if rows is None or not isinstance(rows, list):
        return Grounded(data, tuple(None for _ in profile["policies"]) if rows is None else ())
    names = [row.get("name") if isinstance(row, dict) else None for row in rows]
    known = [policy["name"] for policy in profile["policies"]]
    policies: list[Any] = [row for row, name in zip(rows, names, strict=True) if name not in known]
    origins: list[int | None] = [place for place, name in enumerate(names) if name not in known]
    for policy in profile["policies"]:
        place = names.index(policy["name"]) if policy["name"] in names else None
        policies.append(policy if place is None else _policy(policy, rows[place]))
        origins.append(place)
    return Grounded({**data, "policies": policies}, tuple(origins))


def _policy(ground: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    policy = {**ground, **written}
    if "defaults" in written:
        policy["defaults"] = _joined(ground.get("defaults"), written["defaults"], depth=1)
    targets = written.get("targets")
    if isinstance(targets, Mapping):
        policy["targets"] = _joined(ground["targets"], targets, depth=2)
        for metric, target in targets.items():
            before = ground["targets"].get(metric)
            if before is not None and isinstance(target, Mapping) and "goals" in target:
                policy["targets"][metric]["goals"] = _joined(before["goals"], target["goals"], depth=1)
    return policy


def _joined(ground: Any, written: Any, *, depth: int) -> Any:
    """Two maps as one; below `depth` levels, and where one is no map, what is written counts alone."""
    if written is None:
        return ground
    if depth == 0 or not isinstance(ground, Mapping) or not isinstance(written, Mapping):
        return written
    keys = [*ground, *(key for key in written if key not in ground)]
    return {
        key: _joined(ground.get(key), written[key], depth=depth - 1) if key in written else ground[key] for key in keys
    }
