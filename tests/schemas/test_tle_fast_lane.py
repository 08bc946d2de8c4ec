"""The fast lane against the column reader: whatever comes in, both give the same, to the last bit."""

import gzip
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import element_rows
from schemas.tle import fast_lane, read
from schemas.tle.fast_lane import read_by_kernels
from schemas.tle.read import read_by_columns, read_tle
from tests.schemas.generated_elements import ISS_1, ISS_2, changed, data_file, tle, tle_lines
from tests.schemas.test_tle_reading import ACCEPTED, BROKEN_FRAMES, CATALOGUES, REFUSED

ENDS = st.sampled_from(["\n", "\r\n", "  \n", " \r\n", "\n\r", "\r\r\n", "\n\n", "\n# comment\n"])
NAMES = st.sampled_from(
    [
        "",
        "ISS (ZARYA)",
        "0 ISS",
        "0",
        "0 ",
        "0  A  B ",
        "1KUNS-PF",
        "2",
        "2 B",
        "1 A",
        "0 1KUNS",
        " X",
        "É",
        "#",
        "A\tB",
    ]
) | st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=70)
BITS = ("mean_motion_rev_per_day", "bstar_per_earth_radius", "mean_motion_dot_rev_per_day2", "ra_of_asc_node_deg")
# Columns of line 1 and line 2 with what may stand in them, well or badly.
EDITS = st.sampled_from(
    [
        (1, 3, "    5"),
        (1, 3, "A0000"),
        (1, 3, "I0000"),
        (1, 8, " "),
        (1, 8, "S"),
        (1, 10, " " * 8),
        (1, 10, "00000A  "),
        (1, 10, "98067 A "),
        (1, 10, "98067ABC"),
        (1, 10, "98067a  "),
        (1, 19, "71"),
        (1, 19, "08366.99999999"),
        (1, 19, "09366.00000000"),
        (1, 21, "  1.00000000"),
        (1, 21, "000.00000000"),
        (1, 34, "+.00002182"),
        (1, 34, "-.00000000"),
        (1, 45, " " * 8),
        (1, 45, " 00000+0"),
        (1, 45, "-00000-0"),
        (1, 54, "+99999+9"),
        (1, 54, " 1234 -5"),
        (1, 63, " "),
        (1, 63, "2"),
        (1, 63, "3"),
        (1, 63, "4"),
        (1, 65, "    "),
        (1, 65, " 1 2"),
        (1, 9, "\t"),
        (2, 9, "180.0000"),
        (2, 9, "180.0001"),
        (2, 9, "-51.6416"),
        (2, 18, "360.0000"),
        (2, 18, "359.9999"),
        (2, 18, "  0.0000"),
        (2, 27, "0000000"),
        (2, 35, "400.0000"),
        (2, 53, " 0.00000000"),
        (2, 53, " 0.00000001"),
        (2, 64, "     "),
        (2, 17, "0"),
    ]
)


def assert_both_lanes_agree(payload):
    """Records, their bits, and refusals."""
    slow = read_by_columns(payload, "test")
    if b"\n" not in payload and b"\r" in payload:
        return slow
    fast = read_by_kernels(payload, "test")
    assert fast.refusals == slow.refusals
    fast.elements.validate(full=True)
    assert fast.elements.schema.equals(slow.elements.schema, check_metadata=True)
    assert fast.elements.equals(slow.elements)
    for name in BITS:  # equals() holds 0.0 and -0.0 for the same
        ours, theirs = (np.asarray(reading.elements[name]).view(np.int64) for reading in (fast, slow))
        assert (ours == theirs).all()
    return slow


@st.composite
def sets(draw):
    """Lines of one element set, perhaps edited, dropped, cut or joined, with ends of several kinds."""
    lines = list(draw(tle_lines()))
    for line, first, text in draw(st.lists(EDITS, max_size=2)):
        lines[line - 1] = changed(lines[line - 1], first, text)
    name = draw(NAMES)
    if name:
        lines.insert(0, name)
    trouble = draw(st.sampled_from(["", "", "", "drop", "cut", "swap", "append", "indent", "twice"]))
    at = draw(st.integers(0, len(lines) - 1))
    if trouble == "drop":
        del lines[at]
    elif trouble == "cut":
        lines[at] = lines[at][: draw(st.integers(0, 69))]
    elif trouble == "swap":
        lines.reverse()
    elif trouble == "append":
        lines[at] += draw(st.sampled_from(["x", " x", "0", "  1.5", "\r", " \t"]))
    elif trouble == "indent":
        lines[at] = " " + lines[at]
    elif trouble == "twice":
        lines.insert(at, lines[at])
    return "".join(line + draw(ENDS) for line in lines)


@given(st.lists(sets(), max_size=6), st.booleans())
@settings(max_examples=100)
def test_generated_payloads_read_the_same(texts, with_end):
    payload = "".join(texts).encode("utf-8", "surrogatepass")
    assert_both_lanes_agree(payload if with_end else payload.rstrip(b"\r\n"))


@given(st.lists(tle_lines(), min_size=1, max_size=4), st.sampled_from(["", "0 A\r\n", "1KUNS\n"]), st.data())
@settings(max_examples=100)
def test_damaged_payloads_read_the_same(pairs, name, data):
    payload = bytearray("".join(f"{name}{one}\n{two}\n" for one, two in pairs).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload)))
        length = data.draw(st.integers(0, 3))
        payload[place : place + length] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"\n", b"\n2 ", b"\n1 ", b"\r", b" ", b"-", b"\x00", b"2 "])
        )
    assert_both_lanes_agree(bytes(payload))


@given(st.lists(tle_lines(), min_size=1, max_size=20))
def test_generated_catalogues_are_all_for_the_fast_lane(pairs):
    """Else this file would compare the column reader with itself."""
    payload = "".join(f"0 NAME\n{one}\r\n{two}\r\n" for one, two in pairs).encode()
    (block,) = [fast_lane._read_block(np.frombuffer(payload, dtype=np.uint8), 0, len(payload))]
    assert block.good.all()
    assert (block.good.size, len(block.left), block.line_count) == (len(pairs), 0, 3 * len(pairs))


@pytest.mark.parametrize("case", [*ACCEPTED, *REFUSED, *BROKEN_FRAMES])
def test_every_case_of_the_rules_reads_the_same_among_good_neighbours(case):
    if case in BROKEN_FRAMES:
        middle = BROKEN_FRAMES[case][0]
    else:
        line1, line2 = (ACCEPTED.get(case) or REFUSED[case])[:2]
        middle = f"{line1}\n{line2 or ISS_1 + chr(10) + ISS_2}\n"
    slow = assert_both_lanes_agree(tle() + middle.encode("utf-8", "surrogateescape") + tle())
    assert slow.elements.num_rows >= 2


@pytest.mark.parametrize("size", [64, 200, 1_000])
def test_blocks_may_end_anywhere(monkeypatch, size):
    monkeypatch.setattr(fast_lane, "_BLOCK_BYTES", size)
    bad = changed(ISS_2, 9, "190.0000")
    text = "".join(f"0 A{n}\n{ISS_1}\n{bad if n % 7 == 3 else ISS_2}\n{'B' * (n % 3 == 1)}\n" for n in range(40))
    slow = assert_both_lanes_agree(text.encode())
    assert slow.elements.num_rows > 20
    assert len(slow.refusals) > 5


def test_a_payload_of_too_many_refusals_stops_at_the_same_record(monkeypatch):
    monkeypatch.setattr(element_rows, "REFUSALS_MAX", 5)
    monkeypatch.setattr(read._Lane, "loaded", True)
    payload = tle() * 3 + tle(ISS_1, changed(ISS_2, 9, "190.0000")) * 10 + tle()
    assert read_tle(payload, "test") == read_by_columns(payload, "test")
    assert len(read_by_columns(payload, "test").refusals) == 6


def test_lines_that_end_in_cr_alone_are_read_with_the_fast_lane_loaded(monkeypatch):
    monkeypatch.setattr(read._Lane, "loaded", True)
    payload = tle().replace(b"\n", b"\r") * 2
    assert read_tle(payload, "test").elements.num_rows == 2
    with pytest.raises(ValueError, match="CR alone"):
        read_by_kernels(payload, "test")


@pytest.mark.parametrize("payload", [b"", b"\n", b"2 ", b"1 ", b"1 \n2 ", b"0\n", b"1 \n2 \n" * 50, b"\n2 \n\n" * 50])
def test_payloads_of_next_to_nothing_read_the_same(payload):
    assert_both_lanes_agree(payload)


@pytest.mark.parametrize("name", CATALOGUES)
def test_real_catalogues_read_the_same(name):
    data = gzip.decompress(data_file(f"catalogues/{name}").read_bytes())
    assert assert_both_lanes_agree(data).elements.num_rows == data.count(b"\n") // 2
    damaged = bytearray(data)
    generator = np.random.default_rng(3)
    for place in generator.choice(len(damaged), 400, replace=False).tolist():
        damaged[place] = int(generator.choice(np.frombuffer(b" 0129-.AZ\n\r\tx", dtype=np.uint8)))
    slow = assert_both_lanes_agree(bytes(damaged))
    assert len(slow.refusals) > 300


@pytest.mark.parametrize("name", ["sgp4/SGP4-VER.TLE", "omm/vectors/alpha5-T-sample.3le"])
def test_real_samples_read_the_same(name):
    assert_both_lanes_agree(data_file(name).read_bytes())


def test_small_uses_never_load_numba():
    program = (
        "import sys; from schemas.tle.read import read_tle; "
        f"read_tle({tle()!r} * 100, 'test'); assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
