"""Everything else that apprise can reach (https://github.com/caronc/apprise), as an optional extra: syncd[apprise].

Its blind spots are ours then: most of its plugins look at the HTTP status alone, so a service that answers 200 and
refuses in the body counts as sent (WeCom, DingTalk and Feishu do: use our own kinds for these); it knows no id of a
message, so what is sent again is seen twice; and a refusal for good looks like one for now.
"""

from __future__ import annotations

import importlib
import json
from typing import Final

from syncd.alerts.message import Notification, Reader
from syncd.alerts.ports import Fate, Outcome, Parcel
from syncd.alerts.render import Renderer
from syncd.config.secret import Secret, SecretError

MOST: Final = 6000  # characters; what is longer is cut by the services in their own ways


class Apprise:
    """A channel to one apprise address. The library is loaded when the first message goes out."""

    def __init__(self, name: str, renderer: Renderer, url: Secret, *, library: str = "apprise") -> None:
        self._name = name
        self._renderer = renderer
        self._url = url
        self._library = library

    @property
    def name(self) -> str:
        """Under which targets refer to it."""
        return self._name

    def compose(self, notification: Notification, reader: Reader, message_id: str) -> bytes:
        """Title and text; apprise knows no ids, so `message_id` is left out."""
        del message_id
        rendered = self._renderer.render(notification, reader)
        return json.dumps({"title": rendered.subject, "body": rendered.short[:MOST]}).encode("ascii")

    def deliver(self, parcel: Parcel, *, seconds: float) -> Outcome:
        """Gives it to apprise, which takes its own time: `seconds` cannot be handed on."""
        del seconds
        try:
            library = importlib.import_module(self._library)
        except ImportError:
            return Outcome(Fate.DEAD, "apprise is not installed: pip install 'syncd[apprise]'")
        message = json.loads(parcel.content)
        try:
            service = library.Apprise()
            if not service.add(self._url.reveal()):
                return Outcome(Fate.DEAD, f"apprise knows no service by the address in {self._url.place}")
            taken = bool(service.notify(body=message["body"], title=message["title"]))
        except SecretError as error:
            return Outcome(Fate.RETRY, str(error))
        except Exception as error:  # noqa: BLE001 - 170 plugins; their texts may hold the address
            return Outcome(Fate.UNKNOWN, f"apprise failed with {type(error).__name__}")
        if taken:
            return Outcome(Fate.SENT, "apprise says that it was sent")
        return Outcome(Fate.RETRY, "apprise says that it was not sent")
