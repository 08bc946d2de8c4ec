"""The disclosure ledger's cost: `python -m benchmarks.ledger DIRECTORY [--sides pages,entries,year]`.

pages: answers a second (history, release join, masks, JSON or Arrow) with and without the ledger, 1 and 8 threads.
entries: entries a second into SQLite as a function of threads, every one durable before the call returns.
year: a year of closed days, written straight into the tables as the hub would have, in DIRECTORY/year.sqlite; then how
long the originator's question, his pages, an extract, `who_received`, and a whole verification take.
"""

import argparse
import itertools
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from sqlalchemy import insert

from benchmarks.catalogues import processor, versions
from benchmarks.generated_history import Shape, fill, labels_of, opened, originators_of
from schemas.records import DataMode
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, parse_utc
from ssa_hub.api.formats import Format, write_page
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.ledger import Channel, Disclosure, chain, day_start_tai_ns, day_text, utc_day
from ssa_hub.release.ledger_extract import verify_extract, write_extract
from ssa_hub.release.partner import read_partners
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.ledger_views import LedgerViews
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.views import Selection, Views
from ssa_hub.state.ledger_rows import Interval
from ssa_hub.state.release_tables import ledger_entries
from ssa_hub.state.store import State, open_state

_SHAPE = Shape(rows=40_000, objects=20_000, originators=10, labels=50)
_PARTNER = """
[[partner]]
name = "PARTNER"
clearances = [{policy = "PUBLIC", classifications = ["UNCLASSIFIED", "SECRET"], categories = [
  {tag_name = "Releasable To", type = "PERMISSIVE", values = ["PARTNER", "OTHER"]}]}]
"""
_AGREEMENT = """
originator = "{originator}"
[[rule]]
id = "all"
kinds = ["elements"]
partners = ["PARTNER"]
data_modes = ["REAL"]
fields = ["*"]
"""


def rate(work: Callable[[], object], threads: int, seconds: float) -> float:
    """Calls a second by so many threads, over some seconds."""
    end, counts = time.perf_counter() + seconds, [0] * threads

    def run(thread: int) -> None:
        while time.perf_counter() < end:
            work()
            counts[thread] += 1

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(run, range(threads)))
    return sum(counts) / (time.perf_counter() - began)


def pages(directory: Path, seconds: float) -> None:
    """Answers a second with and without the ledger."""
    history = opened(directory / "pages")
    fill(history, _SHAPE)
    with open_state(f"sqlite:///{directory / 'pages' / 'state.sqlite'}") as state:
        for originator in originators_of(_SHAPE):
            read = read_agreement(_AGREEMENT.format(originator=originator), "a.toml")
            state.agreements.activate(
                read.originator, read.version, file="a.toml",
                text=_AGREEMENT.format(originator=originator), now_tai_ns=1,
            )  # fmt: skip
        with state.transaction() as connection:
            state.labels.intern(connection, labels_of(_SHAPE))
        (partner,) = read_partners(_PARTNER, "p.toml")
        state.partners.put(partner)
        queries, disclosures = HistoryQueries(history), Disclosures(state)
        views = Views(queries, Policies(state))
        print("format  records  entries an answer  threads  without /s  with /s  kept")
        for chosen, limit in itertools.product((Format.JSON, Format.ARROW), (1_000, 100)):

            def answer(noted: bool, chosen: Format = chosen, limit: int = limit) -> int:
                page = views.newest_elements(partner, Selection(DataMode.REAL), after=None, limit=limit)
                write_page(page, "elements", chosen)
                if noted:
                    disclosures.record(page.disclosures)
                return len(page.disclosures)

            entries = answer(True)
            for threads in (1, 8):
                without, with_it = (rate(partial(answer, noted), threads, seconds) for noted in (False, True))
                print(
                    f"{chosen.value:6} {limit:8d} {entries:18d} {threads:8d} {without:11.1f} {with_it:8.1f} "
                    f"{with_it / without:5.0%}", flush=True
                )  # fmt: skip
        queries.close()
        history.close()


def example(records: int, originator: str = "O0", partner: str = "P0") -> Disclosure:
    """A disclosure of so many records."""
    return Disclosure(
        partner=partner, originator=originator, channel=Channel.PAGE, kind="elements", data_mode="REAL",
        policy_version="0123456789abcdef", agreement_version="fedcba9876543210", rule="allies-full",
        posture="peacetime", pseudonymous=False, records=records,
        record_ids=np.random.default_rng().bytes(16 * records),
    )  # fmt: skip


def entries(directory: Path, seconds: float) -> None:
    """Entries a second with group commit."""
    for records, threads in itertools.product((1, 100, 1_000), (1, 8, 32)):
        file = directory / f"entries-{records}-{threads}.sqlite"
        with open_state(f"sqlite:///{file}") as state:
            disclosures, given = Disclosures(state), [example(records)]
            print(f"{records:5d} records an entry, {threads:2d} threads: ", end="", flush=True)
            print(f"{rate(partial(disclosures.record, given), threads, seconds):8.0f} entries/s")


def make_year(state: State, days: int, partners: int, originators: int, pair_entries: int, records: int) -> None:
    """The entries of a year: each partner so many a day from each originator, in random order; every day closed."""
    random, start = np.random.default_rng(5), parse_utc("2025-01-01T00:00:00")
    ids = np.frombuffer(random.bytes(16 * 200_000), dtype=np.uint8).reshape(-1, 16)
    head = state.ledger.head()
    for day in range(days):
        count = partners * originators * pair_entries
        pair = random.permutation(np.repeat(np.arange(partners * originators), pair_entries))
        first = random.integers(0, len(ids) - records, count)
        rows = []
        for index in range(count):
            partner, originator = divmod(int(pair[index]), originators)
            blob = ids[first[index] : first[index] + records].tobytes()
            noted = Disclosure(
                partner=f"P{partner}", originator=f"O{originator}",
                channel=(Channel.PAGE, Channel.STREAM, Channel.PAGE)[index % 3],
                kind=("elements", "elements", "conjunctions", "elements")[index % 4], data_mode="REAL",
                policy_version="0123456789abcdef", agreement_version="fedcba9876543210",
                rule=("allies-full", "allies-brief")[index % 2], posture="peacetime", pseudonymous=index % 2 == 1,
                record_ids=blob, records=records,
            )  # fmt: skip
            now = start + day * NS_PER_DAY + int((index + 1) / (count + 1) * 86_000 * NS_PER_SECOND)
            (entry,) = chain(head, [noted], now, 730)
            head = type(head)(entry.number, entry.entry_sha256, entry.released_tai_ns)
            rows.append(msgspec.structs.asdict(entry))
        with state.transaction() as connection:
            connection.execute(insert(ledger_entries), rows)
    state.ledger_periods.close_over(start + (days + 1) * NS_PER_DAY)


def timed(what: str, work: Callable[[], object]) -> object:
    """Run, and print how long it took."""
    began = time.perf_counter()
    result = work()
    print(f"{what:70} {time.perf_counter() - began:8.2f} s", flush=True)
    return result


def year(directory: Path, days: int, pair_entries: int, records: int) -> None:
    """A year's questions."""
    file = directory / "year.sqlite"
    made = file.exists()
    with open_state(f"sqlite:///{file}") as state:
        if not made:
            timed("making it, closing every day", lambda: make_year(state, days, 50, 10, pair_entries, records))
        head = state.ledger.head()
        print(
            f"{head.number:,} entries of {records} records, {days} days, 50 partners, 10 originators, "
            f"{file.stat().st_size / 1e9:.2f} GB"
        )
        views, everything, start = LedgerViews(state), Interval(), parse_utc("2025-01-01T00:00:00")
        some = Interval(start + 5 * NS_PER_SECOND, start + (days - 1) * NS_PER_DAY - 5 * NS_PER_SECOND)
        timed("who has received what of mine, all of it", lambda: views.sums_of_mine("O3", everything))
        timed("the same by day", lambda: views.sums_of_mine("O3", everything, by_day=True))
        timed("the same from and to within a day", lambda: views.sums_of_mine("O3", some))
        timed("what have I received, all of it", lambda: views.sums_received("P7", everything))
        timed("a page of 100 entries", lambda: views.entries("O3", some, after=None, limit=100))
        day = day_text(utc_day(start) + days // 2)
        extract = timed("an extract of one day", lambda: views.extract("O3", day))
        key = state.ledger_periods.keys().public_key
        timed(f"  its verification ({len(write_extract(extract)):,} bytes)", lambda: verify_extract(extract, key))  # type: ignore[arg-type]
        wanted = [entry.record_ids[0] for entry in extract.entries[:20]]  # type: ignore[attr-defined]
        timed("who received any of 20 records, in all of it", lambda: state.ledger.who_received(wanted, "O3", 0))
        since = day_start_tai_ns(utc_day(start) + days - 30)
        timed("who received any of 20 records, in 30 days", lambda: state.ledger.who_received(wanted, "O3", since))
        timed("verify everything", state.ledger_periods.verify)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--sides", default="pages,entries,year")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each rate")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--pair-entries", type=int, default=4, help="entries a day for each partner and originator")
    parser.add_argument("--records", type=int, default=20, help="records an entry, in the year")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    print(f"machine    {processor()}")
    print(f"versions   {versions('sqlalchemy', 'numpy', 'pyarrow', 'cryptography')}\n")
    if "pages" in arguments.sides:
        shutil.rmtree(arguments.directory / "pages", ignore_errors=True)
        pages(arguments.directory, arguments.seconds)
    if "entries" in arguments.sides:
        for file in arguments.directory.glob("entries-*"):
            file.unlink()
        entries(arguments.directory, arguments.seconds)
    if "year" in arguments.sides:
        year(arguments.directory, arguments.days, arguments.pair_entries, arguments.records)


if __name__ == "__main__":
    main()
