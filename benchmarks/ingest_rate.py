"""How fast orbits come in and are seen: `python -m benchmarks.ingest_rate [--log embedded|kafka]`.

Whole hubs as their users run them (`benchmarks.hub_processes`). Messages are the exercise's population as OMM CSV, each
round with epochs a second later, so that every record is new. CENTRE-A pushes or drops them; CENTRE-B asks
`GET /v1/elements` in a loop, and has seen a record when an answer holds its epoch. A single record is asked for by its
object; of a catalogue 60 objects spread over it are, and then all are paged through, which is not timed where they are
there at the first look. The time that is printed ends with the answer, so it has the asking in it: the mean of half a
turn of the loop is printed beside it.
"""

import argparse
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np

from benchmarks.catalogues import processor, versions
from benchmarks.hub_processes import LABEL, SCREENING, RunningHub, distributed, embedded
from connectors.exercise.omm_csv import omm_csv
from connectors.exercise.population import generate_population
from schemas.timescales import NS_PER_SECOND, parse_utc

_SEED = 20241
_START = "2026-03-10T00:00:00"
# A catalogue is asked for less often: 60 objects without a pause would take a third of the machine.
_ASK_EVERY_S, _ASK_CATALOGUE_EVERY_S = 0.02, 0.25
_PATIENCE_S = 300.0
_WATCHED = 60
_WARMING = 3


class Catalogue:
    """Messages of one population; each that is made is a second newer than the one before."""

    def __init__(self, objects: int) -> None:
        self._population = generate_population(_SEED, objects, parse_utc(_START))
        self._made = 0
        numbers = self._population.element_sets.catalogue_number
        self.object_ids = [f"cat-{number}" for number in numbers.tolist()]

    def message(self, rows: "np.typing.NDArray[np.int64] | None" = None) -> tuple[bytes, dict[str, int]]:
        """A message of the rows (None: all), and each object's epoch in it, TAI nanoseconds."""
        self._made += 1
        rows = np.arange(len(self._population)) if rows is None else rows
        sets = self._population.element_sets.take(rows)
        sets = replace(sets, epoch_tai_ns=sets.epoch_tai_ns + self._made * NS_PER_SECOND)
        names = [self._population.names[row] for row in rows]
        cospar_ids = [self._population.cospar_ids[row] for row in rows]
        epochs = dict(zip((self.object_ids[row] for row in rows), sets.epoch_tai_ns.tolist(), strict=True))
        return omm_csv(names, cospar_ids, sets), epochs


class Watch:
    """What CENTRE-B is shown. ``asked_s``: how long each answer took."""

    def __init__(self, hub: RunningHub) -> None:
        headers = {"Authorization": f"Bearer {hub.reader_key}", "Accept": "application/x-ndjson"}
        self._client = httpx.Client(base_url=hub.base_url, headers=headers, timeout=120)
        self.asked_s: list[float] = []

    def until(self, epochs: dict[str, int]) -> float:
        """The instant (`time.perf_counter`) at which all of these are shown."""
        watched = [
            list(epochs)[i] for i in sorted({*range(0, len(epochs), -(-len(epochs) // _WATCHED)), -1 % len(epochs)})
        ]
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            begin = time.perf_counter()
            shown = self._shown({"object_id": watched, "limit": len(watched)})
            end = time.perf_counter()
            self.asked_s.append(end - begin)
            if all(shown.get(object_id) == epochs[object_id] for object_id in watched):
                return end if len(watched) == len(epochs) else self._until_all(epochs, end)
            time.sleep(_pause_s(len(epochs)))
        raise SystemExit(f"not shown in {_PATIENCE_S:g} s")

    def _until_all(self, epochs: dict[str, int], seen: float) -> float:
        """``seen`` where a look at everything that begins then finds all; the instant of the first such look else."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            shown: dict[str, int] = {}
            query: dict[str, str | int] = {"limit": 20_000}
            while "cursor" not in query or query["cursor"]:
                query["cursor"] = self._page({key: value for key, value in query.items() if value}, shown) or ""
            if all(shown.get(object_id) == epoch for object_id, epoch in epochs.items()):
                return seen
            seen = time.perf_counter()
        raise SystemExit(f"not all shown in {_PATIENCE_S:g} s")

    def _page(self, query: dict[str, str | int], shown: dict[str, int]) -> str | None:
        answer = self._client.get("/v1/elements", params=query)
        answer.raise_for_status()
        for line in answer.text.splitlines():
            row = json.loads(line)
            shown[row["object_id"]] = parse_utc(row["epoch_utc"])
        cursor: str | None = answer.headers.get("SSA-Next-Cursor")
        return cursor

    def _shown(self, query: dict[str, object]) -> dict[str, int]:
        shown: dict[str, int] = {}
        self._page(query, shown)  # type: ignore[arg-type]  # httpx takes a list as a parameter that is repeated
        return shown


def _pause_s(records: int) -> float:
    """How long the asker waits between two looks for a message of so many records."""
    return _ASK_EVERY_S if records == 1 else _ASK_CATALOGUE_EVERY_S


class StreamWatch:
    """When events of the stream came, by object and epoch."""

    def __init__(self, hub: RunningHub) -> None:
        self.came_s: dict[tuple[str, int], float] = {}
        self._hub, self._begun, self._over = hub, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._begun.wait(_PATIENCE_S)

    def _read(self) -> None:
        headers = {"Authorization": f"Bearer {self._hub.reader_key}"}
        where = f"{self._hub.base_url}/v1/stream"
        with httpx.stream("GET", where, params={"kind": "elements"}, headers=headers, timeout=_PATIENCE_S) as answer:
            for line in answer.iter_lines():
                self._begun.set()
                if line.startswith("data: ") and '"epoch_utc"' in line:
                    row = json.loads(line.removeprefix("data: "))
                    self.came_s[row["object_id"], parse_utc(row["epoch_utc"])] = time.perf_counter()
                if self._over.is_set():
                    return

    def end(self) -> None:
        """Read no further than the next line."""
        self._over.set()


class Times(NamedTuple):
    """Of one message, s from when sending it began."""

    accepted_s: float
    shown_s: float
    hub_cpu_s: float


Send = Callable[[bytes], float]


def pushing(hub: RunningHub) -> Send:
    """Push a message; the instant at which it was accepted."""
    headers = {"Authorization": f"Bearer {hub.maker_key}", "SSA-Label": LABEL}
    client = httpx.Client(base_url=hub.base_url, headers=headers, timeout=_PATIENCE_S)

    def push(data: bytes) -> float:
        client.post("/v1/elements", content=data).raise_for_status()
        return time.perf_counter()

    return push


def dropping(hub: RunningHub) -> Send:
    """Drop a message as a file; the instant at which it lies there."""
    number = iter(range(10**9))

    def drop(data: bytes) -> float:
        name = f"{next(number)}.csv"
        (hub.drop / f".{name}").write_bytes(data)
        (hub.drop / f".{name}").rename(hub.drop / name)
        return time.perf_counter()

    return drop


def each(
    hub: RunningHub,
    send: Send,
    watch: Watch,
    catalogue: Catalogue,
    rounds: int,
    single: bool,
    stream: StreamWatch | None = None,
) -> tuple[list[Times], list[float]]:
    """Messages one after the other, each when the last one has been seen; and when the stream had them."""
    random = np.random.default_rng(_SEED)
    times, streamed = [], []
    for _ in range(rounds):
        rows = random.integers(0, len(catalogue.object_ids), 1) if single else None
        data, epochs = catalogue.message(rows)
        begin, cpu_s = time.perf_counter(), hub.cpu_s()
        accepted = send(data)
        shown = watch.until(epochs)
        times.append(Times(accepted - begin, shown - begin, hub.cpu_s() - cpu_s))
        if stream is not None:
            came = next(iter(epochs.items()))
            while came not in stream.came_s:
                time.sleep(0.001)
            streamed.append(stream.came_s[came] - begin)
    return times, streamed


def quantiles(name: str, values_s: list[float]) -> None:
    """One line: p50, p95 and p99 in ms."""
    low, high, most = np.quantile(np.array(values_s) * 1e3, [0.5, 0.95, 0.99])
    print(f"    {name:<36} p50 {low:8.0f}   p95 {high:8.0f}   p99 {most:8.0f} ms   ({len(values_s)})", flush=True)


def told(name: str, found: tuple[list[Times], list[float]], records: int, watch: Watch) -> None:
    """Print what a series of messages took."""
    times, streamed = found
    print(f"  {name}")
    quantiles("accepted (durable)", [one.accepted_s for one in times])
    quantiles("shown by GET /v1/elements", [one.shown_s for one in times])
    if streamed:
        quantiles("sent by GET /v1/stream", streamed)
    if records > 1:
        median_s = float(np.median([one.shown_s for one in times]))
        print(f"    rate of the median                   {records / median_s:10,.0f} records/s until shown")
    cpu_s = float(np.mean([one.hub_cpu_s for one in times]))
    print(f"    the hub's processes used             {cpu_s * 1e3:10,.0f} ms of a processor a message")
    asked_s = float(np.mean(watch.asked_s))
    turn_s = asked_s + _pause_s(records)
    print(f"    one question takes {asked_s * 1e3:.0f} ms; half a turn of asking {turn_s * 500:.0f} ms")
    watch.asked_s.clear()


def sustained(hub: RunningHub, watch: Watch, catalogue: Catalogue, seconds: float) -> None:
    """Whole catalogues one after the other, each as soon as the one before is accepted; then how far behind we are."""
    send = pushing(hub)
    begin = accepted = time.perf_counter()
    cpu_s = hub.cpu_s()
    records = 0
    epochs: dict[str, int] = {}
    while accepted - begin < seconds:
        data, epochs = catalogue.message()
        accepted = send(data)
        records += len(epochs)
    shown = watch.until(epochs)
    watch.asked_s.clear()
    print(f"  catalogues without a pause for {accepted - begin:.0f} s, {records:,} records")
    rates = f"accepted {records / (accepted - begin):,.0f}, shown {records / (shown - begin):,.0f} records/s"
    print(f"    {rates}; lag at the end {shown - accepted:.1f} s")
    print(
        f"    the hub's processes used {(hub.cpu_s() - cpu_s) / records * 1e6:,.0f} us of a processor a record",
        flush=True,
    )


def measure(hub: RunningHub, arguments: argparse.Namespace) -> None:
    print(f"\n{hub.name}", flush=True)
    catalogue, watch, push, drop = Catalogue(arguments.objects), Watch(hub), pushing(hub), dropping(hub)
    n = arguments.objects
    each(hub, push, watch, catalogue, 1, False)  # the first catalogue: every object is new, code is loaded
    each(hub, push, watch, catalogue, _WARMING, True)
    watch.asked_s.clear()
    stream = StreamWatch(hub)
    told("single records, pushed", each(hub, push, watch, catalogue, arguments.singles, True, stream), 1, watch)
    stream.end()
    each(hub, push, watch, catalogue, 1, True)
    watch.asked_s.clear()
    told(f"catalogues of {n:,}, pushed", each(hub, push, watch, catalogue, arguments.rounds, False), n, watch)
    told(f"catalogues of {n:,}, dropped as files (settle 0.2 s, look every 0.1 s)",
         each(hub, drop, watch, catalogue, arguments.rounds, False), n, watch)  # fmt: skip
    sustained(hub, watch, catalogue, arguments.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--log", choices=("embedded", "kafka", "both"), default="both")
    parser.add_argument("--objects", type=int, default=27_000)
    parser.add_argument("--rounds", type=int, default=5, help="catalogues of each way in")
    parser.add_argument("--singles", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the sustained run")
    parser.add_argument("--dir", type=Path, help="where the hubs keep their data (made, and removed afterwards)")
    arguments = parser.parse_args()
    load = Path("/proc/loadavg").read_text().split()[:3]
    print(f"machine    {processor()}; load averages before {' '.join(load)}")
    print(f"versions   {versions('pyarrow', 'pyiceberg', 'sqlalchemy', 'psycopg', 'aiokafka')}")
    print(f"screening  {' '.join(SCREENING)}")
    directory = Path(tempfile.mkdtemp(prefix="ingest-rate-", dir=arguments.dir))
    directory.chmod(0o755)  # PostgreSQL runs as another user where we are root
    try:
        for kind, start in (("embedded", embedded), ("kafka", distributed)):
            if arguments.log in (kind, "both"):
                with start(directory / kind) as hub:
                    measure(hub, arguments)
    finally:
        shutil.rmtree(directory)
    print(f"load averages after {' '.join(Path('/proc/loadavg').read_text().split()[:3])}")


if __name__ == "__main__":
    main()
