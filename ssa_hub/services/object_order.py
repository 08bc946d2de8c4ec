"""Which of two objects is the first: the records' RTN is of object 1, whoever was screened against whom."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from conjunction.catalogue import Catalogue

_AXES = "rtn"


def exchanged(found: pa.Table, swap: NDArray[np.bool_], catalogue: "Catalogue") -> pa.Table:
    """``found`` with objects 1 and 2 exchanged where ``swap`` (k,) says so.

    ``found`` has the columns of `conjunction.ScreeningResult.conjunctions`; its indices are rows of ``catalogue``.
    Relative position and velocity of exchanged rows are measured anew, from both states at TCA (TEME, km, km/s), in
    RTN of the new first object; all else is the same seen from either side.
    """
    first = np.asarray(found.column("index_1").to_numpy())
    second = np.asarray(found.column("index_2").to_numpy())
    tca_tai_ns = np.asarray(found.column("tca_tai_ns").to_numpy())
    position, velocity = _relative_rtn(catalogue, second[swap], first[swap], tca_tai_ns[swap])
    columns = {
        "index_1": np.where(swap, second, first),
        "index_2": np.where(swap, first, second),
    }
    for number, axis in enumerate(_AXES):
        for name, values in ((f"relative_position_{axis}_m", position), (f"relative_velocity_{axis}_m_s", velocity)):
            column = np.array(found.column(name).to_numpy())
            column[swap] = values[:, number] * 1e3
            columns[name] = column
    for name, values in columns.items():
        index = found.column_names.index(name)
        field = found.schema.field(index)
        found = found.set_column(index, field, pa.array(values, field.type))
    return found


def _relative_rtn(
    catalogue: "Catalogue", first: NDArray[np.int32], second: NDArray[np.int32], tai_ns: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Second minus first in RTN of the first, km and km/s, (m, 3) each: radial along r, normal along r x v."""
    one, two = catalogue.states(first, tai_ns), catalogue.states(second, tai_ns)
    radial = one.position_km / np.linalg.norm(one.position_km, axis=1, keepdims=True)
    normal = np.cross(one.position_km, one.velocity_km_s)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    axes = np.stack([radial, np.cross(normal, radial), normal], axis=1)
    return (
        np.einsum("kij,kj->ki", axes, two.position_km - one.position_km),
        np.einsum("kij,kj->ki", axes, two.velocity_km_s - one.velocity_km_s),
    )
