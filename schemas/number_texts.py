"""float64 as texts of data lines: the shortest that is read back bit by bit, a digit on either side of the point."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.refusals import CannotRenderError


def number_texts(keyword: str, numbers: NDArray[np.float64]) -> pa.Array:
    """``pa.string()`` (n,) of numbers (n,): ``7000.0``, ``-1.25e-7``, ``1.0e+22``.

    Up to 17 digits, where CCSDS 502.0-B-3, 7.5.6 has 16: fewer do not give every float64 back. Raises CannotRenderError
    for NaN and infinities.
    """
    if not bool(np.isfinite(numbers).all()):
        raise CannotRenderError(f"{keyword}: NaN and infinity cannot be written [CCSDS 502.0-B-3, 7.5.6]")
    texts = pc.cast(pa.array(numbers), pa.string())
    has_point = pc.match_substring(texts, ".")
    if pc.all(has_point).as_py() is not False:
        return texts
    pointless = pc.invert(has_point)
    mended = pc.replace_substring_regex(texts.filter(pointless), pattern=r"^(-?[0-9]+)", replacement=r"\1.0")
    return pc.replace_with_mask(texts, pointless, mended)
