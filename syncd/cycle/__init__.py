"""One cycle: reading both sides, planning, and having the plan carried out."""

from syncd.cycle.calls import CallCounter
from syncd.cycle.engine import Engine, ServerMismatch
from syncd.cycle.planning import Planned
from syncd.cycle.settings import CycleReport, Routes, Settings

__all__ = ["CallCounter", "CycleReport", "Engine", "Planned", "Routes", "ServerMismatch", "Settings"]
