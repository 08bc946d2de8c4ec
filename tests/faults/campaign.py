"""The campaign: load, blows at random or in volleys that are given, then quiet and the count.

``python -m tests.faults --seconds 3600 --size embedded|distributed --seed N``
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ssa_hub.release.partner import new_key
from ssa_hub.state.store import open_state
from tests.faults.checks import commands_wrong, problems, recorded, stored
from tests.faults.load import Load
from tests.faults.servers import Hub, Part, disk_full, hub, pause_server, server_away, wait

PARTNERS = ["ALPHA", "BETA", "GAMMA"]
SETTLE_PATIENCE_S = 180.0
AT_WORK_PATIENCE_S = 60.0
# In a campaign of that length or longer the broker is away for minutes, too.
LONG_S = 600.0
# So often two parts are struck at the same moment.
_TWO_AT_ONCE = 0.2

Say = Callable[[str], None]
# What is struck at the same moment, as ("broker killed", "hub killed").
Volley = Sequence[str]


@dataclass
class Report:
    """What a campaign was and what it found. ``problems`` is empty where everything holds."""

    size: str
    seed: int
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    pushes: int = 0
    refused: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    repeats_on_log: int = 0
    revived: list[str] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time that goes by in the block is told under this name."""
        began = time.monotonic()
        yield
        self.phases[name] = time.monotonic() - began

    def lines(self) -> list[str]:
        """The report as text."""
        struck = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        answers = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        return [
            f"size {self.size}, seed {self.seed}, {self.seconds:.0f} s under load "
            f"({', '.join(f'{name} {seconds:.0f} s' for name, seconds in self.phases.items())})",
            f"faults: {sum(self.faults.values())} ({struck})",
            f"acknowledged: {self.acknowledged:,} records in {self.pushes:,} pushes, {self.refused:,} refusals",
            f"answers to pushes: {answers}",
            f"answers to questions: {', '.join(f'{name} {count}' for name, count in sorted(self.reads.items()))}",
            f"repeats on the log, dropped when recorded: {self.repeats_on_log:,}",
            f"processes that ended by themselves and were started again: {len(self.revived)}",
            *(f"  {text}" for text in self.revived[:20]),
            *(f"ssa-hub verify compared {text}" for text in self.verified),
            "checks: acknowledged = stored, none doubled, order per object, refusals, ledger: "
            + ("all hold" if not self.problems else f"{len(self.problems)} PROBLEMS"),
            *(f"  {text}" for text in self.problems[:40]),
        ]


def run_campaign(
    directory: Path, size: str, seconds: float, seed: int, say: Say = lambda line: None, volleys: Sequence[Volley] = ()
) -> Report:
    """Run one, in an empty directory: of so many seconds, or of these volleys and no others, with short pauses.

    Raises ServerUnavailableError where Kafka or PostgreSQL cannot be had.
    """
    report = Report(size, seed)
    began = time.monotonic()
    with hub(directory, size, PARTNERS) as running:
        _ready(running)
        load = Load(running, _keys(running), objects=40, seed=seed)
        report.phases["start"] = time.monotonic() - began
        load.start()
        try:
            with report.phase("faults"):
                _strike(running, load, report, seconds, random.Random(seed), volleys, say)
        finally:
            with report.phase("last answers"):
                load.stop()
        with report.phase("quiet"):
            _quiet(running, load, report, say)
        with report.phase("end"):
            _end(running, report)
        with report.phase("count"):
            _count(running, load, report, say)
    return report


def _ready(running: Hub) -> None:
    for name, part in running.parts.items():
        assert part.process is not None
        if name == "hub":
            part.process.base_url()


def _keys(running: Hub) -> dict[str, str]:
    """A key for each partner, and one for the reader."""
    keys = {}
    with open_state(running.database_url) as state:
        for name in (*PARTNERS, "READER"):
            keys[name], record = new_key(name)
            state.partners.add_key(record, 0)
    return keys


def _strike(
    running: Hub,
    load: Load,
    report: Report,
    seconds: float,
    chance: random.Random,
    volleys: Sequence[Volley],
    say: Say,
) -> None:
    began = time.monotonic()
    blows = _blows(running, chance, seconds, 1.0 if not volleys else 0.2)
    coming = iter(volleys or _random_volleys(sorted(blows), chance))
    for volley in coming:
        # Mostly when it is at work again; now and then while it is still getting up.
        if volleys or chance.random() < 0.8:
            _until_at_work(running, load, recording=bool(volleys) and not report.faults)
        wait(chance.uniform(0.2, 0.6 if volleys else 4.0))
        if not volleys and time.monotonic() - began >= seconds:
            break
        say(
            f"{time.monotonic() - began:7.1f} s  {' and '.join(volley)}  "
            f"({sum(load.acknowledged().values()):,} acknowledged)"
        )
        with ThreadPoolExecutor(len(volley)) as at_once:
            for kind, struck in [(kind, at_once.submit(blows[kind])) for kind in volley]:
                report.faults[kind] += 1
                try:
                    struck.result()
                except AssertionError as error:
                    report.problems.append(f"{kind}: {error}")
        running.revive()
    _until_at_work(running, load, recording=True)
    report.seconds = time.monotonic() - began


def _random_volleys(kinds: list[str], chance: random.Random) -> Iterator[Volley]:
    """Every kind once, in an order of the seed's; then as it comes, now and then two that strike different parts."""
    for kind in chance.sample(kinds, len(kinds)):
        yield (kind,)
    while True:
        first, second = chance.choice(kinds), chance.choice(kinds)
        together = chance.random() < _TWO_AT_ONCE and first.split()[0] != second.split()[0]
        yield (first, second) if together else (first,)


def _until_at_work(running: Hub, load: Load, *, recording: bool) -> None:
    """Wait until something more is acknowledged and, if ``recording``, recorded; at most so long."""
    deadline = time.monotonic() + AT_WORK_PATIENCE_S
    acknowledged, before = sum(load.acknowledged_by_pushes().values()), recorded(running) if recording else None
    while time.monotonic() < deadline:
        pushed = sum(load.acknowledged_by_pushes().values()) > acknowledged
        if pushed and (not recording or (recorded(running) or 0) > (before or 0)):
            return
        running.revive()
        wait(0.1)


def _blows(running: Hub, chance: random.Random, seconds: float, brevity: float) -> dict[str, Callable[[], None]]:
    """Each kind of fault by name. What is paused or away stays so for a random time, multiplied by ``brevity``."""
    blows: dict[str, Callable[[], None]] = {}
    parts = running.parts
    workers = [part for name, part in parts.items() if name != "hub"]

    def up_to(least_s: float, most_s: float) -> float:
        return brevity * chance.uniform(least_s, most_s)

    def of(name: str, choose: Callable[[], Part]) -> None:
        blows[f"{name} killed"] = lambda: choose().kill()
        blows[f"{name} stopped"] = lambda: choose().stop()
        blows[f"{name} paused"] = lambda: choose().pause(up_to(0.5, 4.0))

    of("hub", lambda: parts["hub"])
    if running.disk is not None:
        disk = running.disk
        blows["disk full"] = lambda: disk_full(disk, up_to(1.0, 6.0), chance.choice((0, 2**16, 2**19)))
    if workers:
        of("worker", lambda: chance.choice(workers))
    broker, database = running.broker, running.database
    if broker is not None:
        blows["broker killed"] = lambda: server_away(broker, broker.kill, up_to(0.0, 6.0))
        blows["broker stopped"] = lambda: server_away(broker, broker.stop, up_to(0.0, 3.0))
        if seconds >= LONG_S:
            blows["broker away"] = lambda: server_away(broker, broker.kill, up_to(30.0, 120.0))
        blows["broker paused"] = lambda: pause_server(broker, up_to(0.5, 4.0))
    if database is not None:
        blows["database killed"] = lambda: server_away(database, database.kill, up_to(0.0, 4.0))
        blows["database stopped"] = lambda: server_away(database, database.stop, up_to(0.0, 2.0))
    return blows


def _quiet(running: Hub, load: Load, report: Report, say: Say) -> None:
    """Wait until everything that was acknowledged is recorded, or patience ends."""
    expected = load.acknowledged()
    say(f"quiet; {sum(expected.values()):,} records are acknowledged")
    deadline = time.monotonic() + SETTLE_PATIENCE_S
    count, calm = 0, 0
    # Not the count alone: what was under way without an acknowledgement may arrive, too.
    while time.monotonic() < deadline and (count < sum(expected.values()) or calm < 8):
        wait(0.25)
        running.revive()
        before, count = count, recorded(running) or 0
        calm = calm + 1 if count == before else 0
    if count < sum(expected.values()):
        report.problems.append(f"after {SETTLE_PATIENCE_S:g} s {count:,} of {sum(expected.values()):,} are recorded")


def _end(running: Hub, report: Report) -> None:
    """End the hub in good order; its servers run on."""
    for name, status in running.stop_parts().items():
        if status:
            report.problems.append(f"{name} ended with status {status}: {running.parts[name].said()[-500:]}")


def _count(running: Hub, load: Load, report: Report, say: Say) -> None:
    report.problems += load.wrong()
    report.problems += [f"a fault of the hub: {said}" for said in running.ended_by_themselves if "a fault of" in said]
    report.revived = running.ended_by_themselves
    acknowledged = load.acknowledged()
    report.acknowledged = sum(acknowledged.values())
    report.refused = sum(pusher.refused for pusher in load.pushers)
    for pusher in load.pushers:
        report.outcomes += pusher.outcomes
    report.pushes = report.outcomes["202"]
    report.reads = load.reader.seen
    say("counting")
    with ThreadPoolExecutor() as meanwhile:
        commands = meanwhile.submit(commands_wrong, running, report.acknowledged)
        found = stored(running)
        wrong, report.verified = commands.result()
    report.repeats_on_log = len(found.log) - len({record.record_id for record in found.log})
    report.problems += problems(found, acknowledged, report.refused)
    report.problems += wrong
