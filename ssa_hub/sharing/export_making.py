"""Making an export's file, from behind the parts that there are: the same for a worker's jobs and offline."""

from collections.abc import Callable, Sequence
from contextlib import closing

from ssa_hub.release.partner import Partner
from ssa_hub.sharing.export_parts import BATCHES_A_PART, Content, ExportFiles, Part
from ssa_hub.sharing.exporting import ExportAsked, ExportBasis, Exporting


def made(
    exporting: Exporting,
    files: ExportFiles,
    partner: Partner,
    asked: ExportAsked,
    basis: ExportBasis,
    parts: Sequence[Part],
    note: Callable[[Sequence[Part]], None],
    go_on: Callable[[int], None],
    batches_a_part: int = BATCHES_A_PART,
) -> tuple[list[Part], Content]:
    """All parts, and the content made of them; what they depend on has been looked at again in between.

    ``note`` is told of all parts after each; ``go_on`` of the content's bytes so far, before each batch and piece, and
    may raise to end the work. Raises RulesChangedError, DamagedError, HistoryUnavailableError, StateUnavailableError,
    OSError.
    """
    with closing(exporting.batches(partner, asked, basis, parts[-1].after if parts else None)) as batches:
        done = files.write_parts(batches, parts, note, go_on, batches_a_part)
    exporting.check_standing(partner, asked, files.depends_on(done))
    return done, files.assemble(done, asked.format, exporting.empty(partner, asked, basis), go_on)
