"""What we write against another library, `ccsds_ndm` (Rust, strict), and what it writes against our readers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.omm.read_kvn import read_omm_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.omm.write import write_omm_kvn, write_omm_xml
from schemas.timescales import parse_utc
from tests.schemas.generated_elements import batch, rows

ccsds_ndm = pytest.importorskip("ccsds_ndm", reason="the package ccsds-ndm-py is the oracle")

FORMS = {"kvn": (write_omm_kvn, read_omm_kvn), "xml": (write_omm_xml, read_omm_xml)}
HEADER = {"creation_date_utc": "2026-11-22T10:00:00", "originator": "SSA HUB"}
MEAN_ELEMENTS = {
    "mean_motion_rev_per_day": "mean_motion",
    "eccentricity": "eccentricity",
    "inclination_deg": "inclination",
    "ra_of_asc_node_deg": "ra_of_asc_node",
    "arg_of_pericenter_deg": "arg_of_pericenter",
    "mean_anomaly_deg": "mean_anomaly",
}
TLE_PARAMETERS = {
    "catalogue_number": "norad_cat_id",
    "element_set_number": "element_set_no",
    "revolution_at_epoch": "rev_at_epoch",
    "ephemeris_type": "ephemeris_type",
    "classification_type": "classification_type",
    "bstar_per_earth_radius": "bstar",
    "mean_motion_dot_rev_per_day2": "mean_motion_dot",
    "mean_motion_ddot_rev_per_day3": "mean_motion_ddot",
}

# The other library writes numbers without exponents and with 16 digits at most, so these have a catalogue's decimals.
DECIMALS = {
    "mean_motion_rev_per_day": 8,
    "eccentricity": 7,
    "inclination_deg": 4,
    "ra_of_asc_node_deg": 4,
    "arg_of_pericenter_deg": 4,
    "mean_anomaly_deg": 4,
    "bstar_per_earth_radius": 9,
    "mean_motion_dot_rev_per_day2": 8,
    "mean_motion_ddot_rev_per_day3": 12,
}


def rounded(row):
    """The row with the decimals of a catalogue; what rounds to a bound that lies outside becomes a number inside."""
    values = {name: round(getattr(row, name), decimals) + 0.0 for name, decimals in DECIMALS.items()}
    values = {
        name: value % 360.0 if name.endswith("_deg") and value == 360.0 else value for name, value in values.items()
    }
    values["eccentricity"] = min(values["eccentricity"], 0.9999999)
    values["mean_motion_rev_per_day"] = max(values["mean_motion_rev_per_day"], 1e-6)
    return row._replace(**values)


@pytest.mark.parametrize("form", FORMS)
@given(rows().map(rounded))
@settings(max_examples=40)
def test_another_library_reads_what_we_write(form, row):
    text = FORMS[form][0](batch([row]), **HEADER).decode()
    message = ccsds_ndm.from_str(text)
    message = getattr(message, "messages", [message])[0]  # one message comes without its <ndm>
    data, metadata = message.segment.data, message.segment.metadata
    assert metadata.object_name == row.object_name
    assert parse_utc(str(data.mean_elements.epoch)) == row.epoch_tai_ns
    for ours, theirs in MEAN_ELEMENTS.items():
        assert getattr(data.mean_elements, theirs) == getattr(row, ours), ours
    for ours, theirs in TLE_PARAMETERS.items():
        assert getattr(data.tle_parameters, theirs) == getattr(row, ours), ours


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(rows().map(rounded), min_size=1, max_size=3))
@settings(max_examples=25)
def test_we_read_what_another_library_writes(form, written):
    write, read = FORMS[form]
    for row in written:
        original = write(batch([row]), **HEADER)
        theirs = ccsds_ndm.from_str(original.decode()).to_str(form).encode()
        reading = read(theirs, "test")
        assert reading.refusals == []
        ours = read(original, "test").elements.drop_columns(["deviations"])
        assert reading.elements.drop_columns(["deviations"]).to_pylist() == ours.to_pylist()
