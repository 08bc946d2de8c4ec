"""``ssa-hub screen``: every close approach of the orbits in files, with no hub."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.files import content, end, put, refusal_document, refusal_line
from ssa_hub.cli.screening_choices import choices_of

if TYPE_CHECKING:
    from conjunction.checkpoint import Checkpoint
    from conjunction.choices import Choices
    from conjunction.events import Conjunctions
    from conjunction.orbits import Orbits
    from ssa_hub.services.screening_window import Window

_DAYS_MAX = 366.0


def screen(
    files: Annotated[list[Path], typer.Argument(help="Files with orbits, plain or compressed; - reads the input.")],
    start: Annotated[str | None, typer.Option(help="Start of the window, UTC; default: see above.")] = None,
    days: Annotated[float, typer.Option(help="Length of the window.")] = 7.0,
    threshold_km: Annotated[float, typer.Option("--threshold-km", help="Report approaches as close as this.")] = 5.0,
    out: Annotated[
        Path | None, typer.Option(help="Where all go: .parquet, .csv, .json, .ndjson or .arrow, by its suffix.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace --out where it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document with a summary for a program.")] = False,
    volume: Annotated[
        list[str] | None,
        typer.Option(help="OBJECT=box:R,T,N or =ellipsoid:R,T,N in km, in the object's own RTN. May be repeated."),
    ] = None,
    volumes: Annotated[
        Path | None, typer.Option(help="CSV with object,shape,radial_km,transverse_km,normal_km.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", help="OBJECT,OBJECT: no pair, docked ones. May be repeated.")
    ] = None,
    owners: Annotated[
        Path | None,
        typer.Option(help="CSV with catalogue_number,owner[,flag]: flagged objects of one owner are no pair."),
    ] = None,
    primary: Annotated[
        list[str] | None, typer.Option(help="OBJECT: only pairs with one of these. May be repeated.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Default: as many as this process may use.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Directory for what is done: the same command goes on after a kill.")
    ] = None,
) -> None:
    """Find every close approach of the orbits in files: screening, never advice to manoeuvre.

    TLE, OMM, OEM, OCM or Starlink's MEME, told by their content. Of an object's element sets the newest counts. Element
    sets and ephemerides of one object are alternatives and no pair. OBJECT is a catalogue number, a range of them
    (44713-44772), an international designator, or a name, with * if need be.

    Without --start the window begins now; for a catalogue of which half is older than 14 days, with its newest epochs.
    Without --out the closest are shown. Ends with 1 if a record was refused (the rest is screened).
    """
    began_s = time.perf_counter()
    _check_options(days, threshold_km, out, force)
    choices = choices_of(volume, volumes, leave_out, owners, primary)
    start_tai_ns = _start(start)
    checkpoint = None if resume is None else _checkpoint(resume)
    orbits = _read(files)
    window = _window(orbits, start_tai_ns, days)
    if resume is not None and window.reason == "now":
        raise end("--resume needs --start: a window from now on is another one each time")
    typer.echo(_opening(orbits, window, days, threshold_km), err=True)
    conjunctions = _screened(orbits, window, threshold_km, choices, threads, checkpoint)
    _finish(conjunctions, window, files, out, as_json, began_s)
    if checkpoint is not None:
        checkpoint.clear()  # the result is told or written
    raise typer.Exit(1 if orbits.refusals else 0)


def _check_options(days: float, threshold_km: float, out: Path | None, force: bool) -> None:
    """Mistakes are told before minutes of work, not after."""
    from ssa_hub.cli.event_files import SUFFIXES

    if not 0.0 < days <= _DAYS_MAX:
        raise end(f"--days {days:g}: more than 0, and {_DAYS_MAX:g} at the most")
    if not 0.0 < threshold_km < 1e5:
        raise end(f"--threshold-km {threshold_km:g}: more than 0, and less than 100,000")
    if out is None:
        return
    if out.suffix.lower() not in SUFFIXES:
        raise end(f"{out}: its suffix says no form; it may be {', '.join(SUFFIXES)}")
    if out.exists() and not force:
        raise end(f"{out} exists; --force replaces it")
    if not out.absolute().parent.is_dir():
        raise end(f"{out}: its directory does not exist")


def _start(text: str | None) -> int | None:
    from conjunction.instants import tai_ns_of

    try:
        return None if text is None else tai_ns_of(text)
    except ValueError as error:
        raise end(f"--start: {error}") from error


def _read(files: list[Path]) -> "Orbits":
    from conjunction.orbit_inputs import gather_payloads
    from conjunction.orbits import read_orbits

    orbits = read_orbits(gather_payloads(content(path) for path in files))
    if orbits.objects.num_rows < 2:
        for refusal in orbits.refusals[:10]:
            typer.echo(refusal_line(refusal.file, refusal_document(refusal)), err=True)
        count = {0: "no orbit", 1: "one orbit only"}[orbits.objects.num_rows]
        raise end(f"{', '.join(str(path) for path in files)}: {count}: nothing to screen")
    return orbits


def _window(orbits: "Orbits", start_tai_ns: int | None, days: float) -> "Window":
    """The window asked for; else from now on, or, where the orbits are of another time, from theirs on."""
    from schemas.timescales import format_utc, now_tai_ns
    from ssa_hub.services.screening_window import Window, screening_window

    if start_tai_ns is not None:
        return Window(start_tai_ns, days * 86_400.0, "as asked for")
    now = now_tai_ns()
    epochs = orbits.objects.column("epoch_tai_ns").drop_null().to_numpy()
    if len(epochs):
        return screening_window(epochs, now_tai_ns=now, hours=days * 24.0, start_utc=None)
    first, last = (
        int(orbits.catalogue.valid_from_tai_ns.min()),
        int(orbits.catalogue.valid_until_tai_ns.max()),
    )
    if first <= now < last:
        return Window(now, days * 86_400.0, "now")
    return Window(first, days * 86_400.0, f"the ephemerides begin on {format_utc(first, 0)}")


def _opening(orbits: "Orbits", window: "Window", days: float, threshold_km: float) -> str:
    from schemas.timescales import format_utc

    kinds = orbits.objects.column("kind").to_pylist()
    ephemerides = kinds.count("ephemeris")
    counts = [f"{len(kinds) - ephemerides:,} element sets"] if len(kinds) > ephemerides else []
    counts += [f"{ephemerides:,} ephemeri{'s' if ephemerides == 1 else 'des'}"] if ephemerides else []
    return (
        f"screening {' and '.join(counts)}, {threshold_km:g} km, {days:g} day{'' if days == 1.0 else 's'} "
        f"from {format_utc(window.start_tai_ns, 0)} UTC ({window.reason})"
    )


def _checkpoint(directory: Path) -> "Checkpoint":
    from conjunction.checkpoint import Checkpoint

    try:
        return Checkpoint(directory, lambda text: typer.echo(text, err=True))
    except OSError as error:
        raise end(f"--resume {directory}: {error.strerror or error}") from error


def _screened(
    orbits: "Orbits",
    window: "Window",
    threshold_km: float,
    choices: "Choices",
    threads: int | None,
    checkpoint: "Checkpoint | None",
) -> "Conjunctions":
    """The screening, with a bar; ends the command with 130 when it is interrupted."""
    from rich.console import Console

    from conjunction import library
    from conjunction.choices import ChoiceError
    from conjunction.screening import ScreeningCancelled
    from ssa_hub.cli.screening_bar import ScreeningBar

    bar = ScreeningBar(Console(stderr=True))
    try:
        with _asked_to_stop() as stop, bar:
            return library.screen(
                orbits,
                start=window.start_tai_ns,
                duration_s=window.duration_s,
                threshold_km=threshold_km,
                volumes=choices.volumes,
                leave_out=choices.leave_out,
                owners=choices.owners,
                primaries=choices.primaries,
                threads=threads,
                progress=bar.update,
                cancelled=stop,
                resume=checkpoint,
            )
    except ScreeningCancelled:
        way_on = (
            "With --resume DIR a run can be taken up again."
            if checkpoint is None
            else f"What is done is kept in {checkpoint.directory}: the same command goes on from there."
        )
        typer.echo(f"stopped at {100.0 * bar.fraction:.0f} %, nothing written. {way_on}", err=True)
        raise typer.Exit(130) from None
    except ChoiceError as error:
        raise end(str(error)) from error
    except OSError as error:
        raise end(f"{error.filename or '--resume'}: {error.strerror or error}") from error


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: what runs is finished, then the screening ends. A second one ends at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _finish(
    conjunctions: "Conjunctions", window: "Window", files: list[Path], out: Path | None, as_json: bool, began_s: float
) -> None:
    from ssa_hub.cli import screening_report as report
    from ssa_hub.cli.event_files import NOTE, writer_of

    if out is not None:
        put(out, writer_of(conjunctions, out.suffix.lower()))
    wall_s = time.perf_counter() - began_s
    if as_json:
        import msgspec

        document = report.summary(conjunctions, window, files, out, wall_s)
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    report.tell_orbits(conjunctions)
    if out is None:
        report.tell_table(conjunctions)
    where = "" if out is None else f" written to {out}"
    count = len(conjunctions)
    typer.echo(
        f"{count:,} conjunction{'' if count == 1 else 's'}{where} in {wall_s:.1f} s, "
        f"{report.peak_memory_bytes() / 1e6:,.0f} MB at the most: {NOTE}",
        err=out is None,
    )
