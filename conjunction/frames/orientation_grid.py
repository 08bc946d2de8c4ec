"""The slow part of the Earth's orientation, on a grid of six hours.

What moves slowly is kept at the nodes: the celestial pole's X and Y and the CIO locator s (IAU 2006/2000A, the
expensive part: some 65 us an instant), UT1 - TAI and the pole's coordinates. `conjunction.frames.rotation_kernel`
interpolates them by cubics and computes what is fast, the Earth rotation angle, at each instant.

The nodes are at whole multiples of six hours of TAI, wherever an ephemeris begins: a result does not depend on what it
was computed together with. The quickest strong term of nutation (13.7 days, 0.2") leaves the cubic 1e-6" or 0.2 mm at
the geostationary radius; the straight line on a grid of one hour leaves 2 mm.
"""

from dataclasses import dataclass
from functools import lru_cache

import erfa
import numpy as np
from numpy.typing import NDArray

from conjunction.frames.rotation_kernel import STEP_NS, STEPS_PER_BLOCK
from schemas.earth_orientation import EarthOrientation
from schemas.timescales import NS_PER_DAY

NODES_PER_BLOCK = STEPS_PER_BLOCK + 3  # one before, two after; some 2 ms
NODE_VALUES = 6  # X, Y, s (rad), UT1 - TAI (s), xp, yp (rad)
_TT_MINUS_TAI_DAYS = 32.184 / 86_400.0
_JD_1970 = 2_440_587.5


@dataclass(frozen=True)
class OrientationGrid:
    """Nodes for a set of instants.

    ``nodes`` (blocks, NODES_PER_BLOCK, NODE_VALUES) float64, contiguous; ``block_row`` (span,) int64 says in which row
    of ``nodes`` a block stands, counted from ``first_block``, -1 for a block that no instant needs.
    """

    first_block: int
    block_row: NDArray[np.int64]
    nodes: NDArray[np.float64]


def orientation_grid(tai_ns: NDArray[np.int64], earth_orientation: EarthOrientation) -> OrientationGrid:
    """The nodes that TAI instants (n,), n >= 1, need.

    Raises EarthOrientationSpanError where they, or nodes up to 12 h beyond them, are outside the data's span.
    """
    step = np.floor_divide(tai_ns, STEP_NS)
    block = np.floor_divide(step, STEPS_PER_BLOCK)
    first_block = int(block.min())
    needed = np.zeros(int(block.max()) - first_block + 1, dtype=np.bool_)
    needed[block - first_block] = True
    blocks = np.flatnonzero(needed) + first_block
    block_row = np.full(needed.shape, -1, dtype=np.int64)
    block_row[needed] = np.arange(len(blocks))

    node_tai_ns = (blocks[:, None] * STEPS_PER_BLOCK + np.arange(-1, STEPS_PER_BLOCK + 2)) * STEP_NS
    # Only the nodes that an instant needs: a block may reach beyond the span where its instants do not.
    used = np.zeros(node_tai_ns.shape, dtype=np.bool_)
    row, column = block_row[block - first_block], step - block * STEPS_PER_BLOCK
    for offset in range(4):
        used[row, column + offset] = True
    values = earth_orientation.at(node_tai_ns[used])
    nodes = np.full((*node_tai_ns.shape, NODE_VALUES), np.nan)
    nodes[:, :, :3] = np.stack([_celestial_pole(one) for one in blocks.tolist()])
    measured = np.stack([values.dx_rad, values.dy_rad, values.ut1_minus_tai_s, values.xp_rad, values.yp_rad], axis=1)
    nodes[used, :2] += measured[:, :2]
    nodes[used, 3:] = measured[:, 2:]
    return OrientationGrid(first_block, block_row, nodes)


@lru_cache(maxsize=4096)
def _celestial_pole(block: int) -> NDArray[np.float64]:
    """X, Y, s in rad of IAU 2006/2000A at the nodes of a block, (NODES_PER_BLOCK, 3)."""
    node_tai_ns = (block * STEPS_PER_BLOCK + np.arange(-1, STEPS_PER_BLOCK + 2)) * STEP_NS
    days, ns_of_day = np.divmod(node_tai_ns, NS_PER_DAY)
    pole = np.stack(erfa.xys06a(_JD_1970 + days, ns_of_day / NS_PER_DAY + _TT_MINUS_TAI_DAYS), axis=-1)
    pole.setflags(write=False)
    return np.asarray(pole, dtype=np.float64)
