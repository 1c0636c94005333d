"""Putting the parts together."""

from syncd.app.build import App, all_loopback, settings_of, store_url
from syncd.app.clocks import RehearsalClock, SystemClock
from syncd.app.routing import Routing, build_routes, offline_mapping

__all__ = [
    "App",
    "RehearsalClock",
    "Routing",
    "SystemClock",
    "all_loopback",
    "build_routes",
    "offline_mapping",
    "settings_of",
    "store_url",
]
