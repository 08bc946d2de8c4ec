"""The bar of ``ssa-hub screen``: how far it is, and how long it will take as far as that was measured."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from conjunction.progress import TimeLeft, in_words


class _TimeLeftColumn(ProgressColumn):
    """What `TimeLeft` says, asked anew each time the bar is drawn."""

    def __init__(self, time_left: TimeLeft) -> None:
        self._time_left = time_left
        super().__init__()

    def render(self, task: Task) -> Text:
        return Text(in_words(self._time_left.estimate_s(time.monotonic())))


class ScreeningBar:
    """A bar on a terminal, nothing elsewhere; `update` is what `screen` tells its progress."""

    def __init__(self, console: Console) -> None:
        self.fraction = 0.0
        self._time_left = TimeLeft(time.monotonic())
        self._bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            _TimeLeftColumn(self._time_left),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("Screening", total=1.0)

    def __enter__(self) -> "ScreeningBar":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def update(self, fraction: float) -> None:
        """Take note of the fraction done."""
        self.fraction = max(self.fraction, fraction)
        self._time_left.advance(time.monotonic(), min(fraction, 1.0))
        self._bars.update(self._task, completed=self.fraction)
