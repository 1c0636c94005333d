"""What the demo prints: lines as things happen, a status line on a terminal, a summary at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from syncd.demo.people import Act
from syncd.demo.watch import Carried, Watch


class Show:
    """Prints on a rich console: colours and a moving status line on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._status: Status | None = None

    def line(self, text: str | Text, style: str = "") -> None:
        """One line; on a terminal too narrow for it, it wraps."""
        shown = text if isinstance(text, Text) else Text(text, style=style)
        self.console.print(shown, soft_wrap=not self.console.is_terminal)

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.line("")
        self.line(text, "bold")

    def lines(self, lines: Iterable[str], first: int | None = None, last: int = 0) -> None:
        """What a command said, indented; with `first`, only so many lines from its beginning and its end."""
        said = [line.rstrip() for line in lines]
        left_out = 0 if first is None else max(0, len(said) - first - last)
        shown = said if not left_out else [*said[:first], f"… {left_out} more", *said[len(said) - last :]]
        for line in shown:
            self.line(f"  {line}", "dim")

    def act(self, act: Act) -> None:
        """Somebody did something."""
        self.line(Text.assemble((clock(act.at), "dim"), "  ", (act.who, "cyan"), f" {act.text}"))

    def carried(self, carried: Carried) -> None:
        """syncd carried it."""
        cost = f"{carried.calls} call{'' if carried.calls == 1 else 's'}"
        late = f"{carried.lag:.0f} s later, " if carried.lag is not None else ""
        source = f" for {carried.act.who} ({late}{cost})" if carried.act is not None else ""
        arrow = ("   → ", "green") if carried.act is not None else ("   ↳ ", "dim")
        style = "" if carried.act is not None else "dim"
        self.line(
            Text.assemble(
                (clock(carried.at), "dim"),
                arrow,
                (carried.subject, style or "bold"),
                (f" {carried.what}", style),
                (source, "green"),
            )
        )

    def mail(self, mail: Mapping[str, Any]) -> None:
        """A mail came in."""
        self.line(
            Text.assemble(
                (clock(mail["at"]), "dim"), ("   ✉ ", "green"), (str(mail["recipient"]), "bold"), f" {mail['subject']}"
            )
        )

    def progress(self, watch: Watch) -> None:
        """The status line."""
        if not self.console.is_terminal:
            return
        text = _figures(watch)
        if self._status is None:
            self._status = self.console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def still(self) -> None:
        """No status line from here on."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def summary(self, watch: Watch, rate: float) -> None:
        """The figures of the whole play."""
        changes = [carried for carried in watch.carried if carried.act is not None]
        lags = sorted(carried.lag for carried in changes if carried.lag is not None)
        total = sum(watch.purposes.values())
        table = Table(title="What syncd did", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        table.add_row("changes carried", str(len(changes)))
        table.add_row("writes that followed from those", str(len(watch.carried) - len(changes)))
        if lags:
            table.add_row(f"lag, median (the clock ran {rate:.0f} times as fast)", f"{median(lags):.0f} s")
            table.add_row("lag, longest", f"{lags[-1]:.0f} s")
        table.add_row("API calls for each change", f"{watch.calls_per_change():.1f}")
        table.add_row("API calls in all", str(total), end_section=True)
        for purpose, calls in watch.purposes.most_common():
            table.add_row(f"  {purpose}", str(calls))
        self.line("")
        self.console.print(table)

    def verdict(self, agreed: bool, lines: Sequence[str]) -> None:
        """What the checker says."""
        self.heading("The checker compares both trackers and the journal of calls with what was written down before")
        for line in lines:
            self.line(f"  {line}", "green" if agreed else "red")


def clock(at: float) -> str:
    """An instant of the sandbox's clock, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _figures(watch: Watch) -> str:
    lags = [carried.lag for carried in watch.carried if carried.lag is not None]
    late = f"median lag {median(lags):.0f} s · " if lags else ""
    carried = sum(1 for carried in watch.carried if carried.act is not None)
    return f"{carried} changes carried · {late}{watch.calls_per_change():.1f} API calls for each"
