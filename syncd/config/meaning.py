"""The meaning of a mapping as a hash: comments, spelling and the order of keys that do not matter leave it as it is."""

from __future__ import annotations

import hashlib
import json

from syncd.config.mapping_file import MappingModel, MoveBugTo, StageFile, normalise_status
from syncd.config.names import normalise
from syncd.core.model import Json


def meaning_of(model: MappingModel) -> str:
    """32 hex digits that change when, and only when, the mapping asks for something else."""
    text = json.dumps(_mapping(model), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"syncd-mapping").hexdigest()


def _mapping(model: MappingModel) -> Json:
    unmapped: Json = "category"
    if model.unmapped is not None:
        unmapped = {"new": model.unmapped.new, "indeterminate": model.unmapped.indeterminate}
    return {
        "stages": [[name, _stage(stage)] for name, stage in model.stages.items()],  # their order is the progress
        "moves": {
            stage: {key.normal: outcome for key, outcome in moves.items()}
            for stage, moves in model.when_ticket_moves.items()
            if moves
        },
        "customer_reopens_bug": model.customer_reopens_bug,
        "all_tickets": sorted(stage for stage, quorum in model.many_tickets.items() if quorum == "all"),
        "on_conflict": model.on_conflict,
        "unmapped": unmapped,
    }


def _stage(stage: StageFile) -> Json:
    pairs = {
        (normalise(status), "*" if resolution is None else normalise(resolution))
        for entry in stage.bug_is
        for status in entry.status
        for resolution in (entry.resolution or (None,))
    }
    may_be = stage.ticket_may_be
    return {
        "bug_is": [list(pair) for pair in sorted(pairs)],
        "move_bug_to": _target(stage.move_bug_to),
        "set_ticket": {normalise_status(frm): normalise_status(to) for frm, to in stage.set_ticket.items()},
        "ticket_may_be": None if may_be is None else [*sorted({normalise_status(name) for name in may_be})],
        "reopen_solved": stage.reopen_solved,
    }


def _target(target: MoveBugTo | None) -> Json:
    if target is None:
        return None
    return {
        "status": normalise(target.status),
        "resolution": None if target.resolution is None else normalise(target.resolution),
        "fields": dict(target.fields),
        "path": [normalise(name) for name in target.path],
    }
