"""What the command line shows: rich progress bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

_PLAIN_INTERVAL_S = 5.0


class _RichTask:
    """A bar; what is counted stands beside it, unless it is per cent."""

    def __init__(self, bars: RichProgress, title: str, total: float | None, unit: str) -> None:
        self._bars, self._total, self._unit = bars, total, unit
        self.task = bars.add_task(title, total=total, count="")

    def update(self, done: float, total: float | None = None) -> None:
        self._total = self._total if total is None else total
        of = "" if self._total is None else f" of {self._total:,.0f}"
        count = "" if self._unit == "%" else f"{done:,.0f}{of} {self._unit}"
        self._bars.update(self.task, completed=done, total=self._total, count=count)


class _PlainTask:
    """Says how far it is at most every five seconds."""

    def __init__(self, console: Console, title: str, total: float | None, unit: str) -> None:
        self._console, self._title, self._total, self._unit = console, title, total, unit
        self._last_s = time.monotonic()

    def update(self, done: float, total: float | None = None) -> None:
        self._total = self._total if total is None else total
        if time.monotonic() - self._last_s < _PLAIN_INTERVAL_S:
            return
        self._last_s = time.monotonic()
        share = f" ({100 * done / self._total:.0f} %)" if self._total and self._unit != "%" else ""
        self._console.print(f"{self._title}: {done:,.0f} {self._unit}{share}", highlight=False)


class ConsoleReporter:
    """`ssa_hub.services.reporting.Reporter` on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(soft_wrap=True)
        self._bars: RichProgress | None = None
        if self._console.is_terminal:
            self._bars = RichProgress(
                TextColumn("  {task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[count]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )

    def __enter__(self) -> "ConsoleReporter":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._bars:
            self._bars.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars. Text is taken as it stands, with no markup."""
        self._console.print(text, markup=False, highlight=False)

    @contextmanager
    def progress(self, title: str, total: float | None, unit: str = "") -> Iterator[_RichTask | _PlainTask]:
        """A bar on a terminal, lines elsewhere."""
        if self._bars is None:
            yield _PlainTask(self._console, title, total, unit)
            return
        bar = _RichTask(self._bars, title, total, unit)
        try:
            yield bar
        finally:
            self._bars.remove_task(bar.task)
