"""The orbits of a what-if, read from what a partner sent: ephemerides or element sets, and whom each stands for."""

from typing import TYPE_CHECKING, NamedTuple

from schemas.identity import object_id_of
from schemas.messages import read_payload

if TYPE_CHECKING:  # numba and the kernels take seconds to import
    from conjunction.catalogue import Catalogue

CANDIDATES_MAX = 50
BODY_BYTES_MAX = 32 * 2**20  # packed, and unpacked
_CALLED = "body"
_ERRORS_TOLD = 100


class Candidate(NamedTuple):
    """One orbit: what the body calls its object, and the hub's id of the object that it stands for, where known."""

    object_name: str | None
    catalogue_number: int | None
    object_id: str | None


class Candidates(NamedTuple):
    """``who`` by orbit of ``catalogue`` (an ephemeris with gaps has several rows)."""

    catalogue: "Catalogue"
    who: tuple[Candidate, ...]


class UnusableBodyError(ValueError):
    """What was sent is no candidate: (field, what is wrong with it) of each mistake."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        self.errors = errors[:_ERRORS_TOLD]
        super().__init__(f"{len(errors)} mistakes")


def read_candidates(data: bytes, object_id: str | None, source: str) -> Candidates:
    """Every orbit in the bytes, any message and encoding that the hub reads. One that is refused refuses all.

    They stand for ``object_id``; where that is None, an element set for the object that its number is with
    ``source``, and an ephemeris for none of the catalogue. Raises UnusableBodyError.
    """
    from conjunction.catalogue import Catalogue

    reading = read_payload(data, _CALLED, bytes_max=BODY_BYTES_MAX)
    if reading.refusals:
        raise UnusableBodyError(*((refusal.field, str(refusal)) for refusal in reading.refusals))
    if reading.conjunctions.num_rows:
        raise UnusableBodyError((_CALLED, "conjunction messages are no orbits: send ephemerides or element sets"))
    count = reading.elements.num_rows + len(reading.ephemerides)
    if not 1 <= count <= CANDIDATES_MAX:
        raise UnusableBodyError((_CALLED, f"1 to {CANDIDATES_MAX} orbits are taken, not {count}"))
    who = [
        Candidate(name, number, object_id or object_id_of(number, source))
        for name, number in zip(
            *(reading.elements.column(name).to_pylist() for name in ("object_name", "catalogue_number")), strict=True
        )
    ]
    parts = [Catalogue.from_elements(reading.elements)] if who else []
    if reading.ephemerides:
        try:
            parts.append(Catalogue.from_ephemerides([ephemeris.segments for ephemeris in reading.ephemerides]))
        except ValueError as error:
            raise UnusableBodyError((_CALLED, str(error))) from error
        who += [
            Candidate(ephemeris.segments[0].object_name or None, None, object_id) for ephemeris in reading.ephemerides
        ]
    catalogue = Catalogue.joined(parts)
    unusable = [
        (f"orbit {orbit + 1}", next(catalogue.unusable[row] for row, of in enumerate(of_rows) if of == orbit))
        for of_rows in [catalogue.orbit.tolist()]
        for orbit in range(len(who))
        if all(row in catalogue.unusable for row, of in enumerate(of_rows) if of == orbit)
    ]
    if unusable:
        raise UnusableBodyError(*unusable)
    return Candidates(catalogue, tuple(who))
