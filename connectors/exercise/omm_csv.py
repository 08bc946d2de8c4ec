"""Writing element sets as CelesTrak's 17-column OMM CSV. The exercise's own writer: it imports no reader's code.

Source: CCSDS 502.0-B-3 for the keywords; CelesTrak's "GP Data Formats" for columns, their order and the bare epoch.
"""

import csv
import io
from collections.abc import Sequence

from connectors.exercise.element_sets import DECIMALS, ElementSets
from schemas.timescales import format_utc_column

HEADER = (
    "OBJECT_NAME", "OBJECT_ID", "EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER", "MEAN_ANOMALY", "EPHEMERIS_TYPE", "CLASSIFICATION_TYPE", "NORAD_CAT_ID", "ELEMENT_SET_NO",
    "REV_AT_EPOCH", "BSTAR", "MEAN_MOTION_DOT", "MEAN_MOTION_DDOT",
)  # fmt: skip


def omm_csv(names: Sequence[str], cospar_ids: Sequence[str], sets: ElementSets) -> bytes:
    """One header line and one line an element set, CRLF line ends, ASCII. ``sets`` is quantised already."""
    decimals = {name: [f"{value:.{digits}f}" for value in getattr(sets, name)] for name, digits in DECIMALS.items()}
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows(
        zip(
            names,
            cospar_ids,
            format_utc_column(sets.epoch_tai_ns, 6),
            decimals["mean_motion_rev_per_day"],
            decimals["eccentricity"],
            decimals["inclination_deg"],
            decimals["ra_of_asc_node_deg"],
            decimals["arg_of_pericenter_deg"],
            decimals["mean_anomaly_deg"],
            ["0"] * len(sets),
            ["U"] * len(sets),
            sets.catalogue_number.tolist(),
            sets.element_set_number.tolist(),
            sets.revolution_at_epoch.tolist(),
            decimals["bstar_per_earth_radius"],
            decimals["mean_motion_dot_rev_per_day2"],
            ["0"] * len(sets),
            strict=True,
        )
    )
    return out.getvalue().encode("ascii")
