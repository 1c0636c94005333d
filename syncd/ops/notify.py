"""What a service tells systemd: that it is up, that it makes progress, that it leaves.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

PING_EVERY = 5.0  # seconds; systemd needs one in half of WatchdogSec


class Notifier:
    """Sends to $NOTIFY_SOCKET; without one it is silent. A message that cannot be sent is lost: nothing depends on
    it but the supervisor, which then does what it does for a service that hangs. Threads may share it."""

    def __init__(self, environ: Mapping[str, str], monotonic: Callable[[], float]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._monotonic = monotonic
        self._last_ping = -PING_EVERY

    def ready(self, status: str) -> None:
        """Up: the configuration is read, the store is open."""
        self._send("READY=1", f"STATUS={status}")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def progress(self) -> None:
        """Something got done; feeds the watchdog at most every few seconds."""
        now = self._monotonic()
        if now - self._last_ping >= PING_EVERY:
            self._last_ping = now
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """On its way out."""
        self._send("STOPPING=1", "STATUS=finishing the action in hand")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        text = "\n".join(line.replace("\n", " ") for line in lines)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(text.encode(), self._address)
            except OSError:
                return
