"""The compiled lane for data lines against Python's own float() and against the slow lane, line by line."""

import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import schemas.oem.states
from schemas.ccsds.tree import Lines, Run
from schemas.oem.state_kernel import DONE, EPOCH_WIDTH_MAX, UNSURE, Progress, read_lines
from schemas.oem.state_lane import lines_by_kernel, numbers_of_texts
from schemas.oem.state_lines import STATE_KEYWORDS, fields_of, lines_one_by_one, state_of
from schemas.oem.states import FAST_LANE_PAYS_BYTES, states_of, states_of_runs
from schemas.refusals import RecordRefusedError
from schemas.time_systems import to_tai_ns

DIGITS = st.text("0123456789", min_size=1, max_size=24)
SIGNS = st.sampled_from(["", "-", "+"])
EXPONENTS = st.one_of(
    st.just(""), st.builds("{}{}{}".format, st.sampled_from(["e", "E"]), SIGNS, DIGITS.map(lambda d: d[:3]))
)
WRITTEN_NUMBERS = st.one_of(
    st.builds("{}{}{}".format, SIGNS, DIGITS, EXPONENTS),
    st.builds("{}{}.{}{}".format, SIGNS, DIGITS, DIGITS, EXPONENTS),
    st.builds("{}{}.{}".format, SIGNS, DIGITS, EXPONENTS),
    st.builds("{}.{}{}".format, SIGNS, DIGITS, EXPONENTS),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
ANY_TEXTS = st.text("0123456789+-.eE_xnaif ", max_size=30)


def bits(number: float) -> bytes:
    """The float64 as it lies in memory: tells -0.0 from 0.0."""
    return struct.pack("<d", number)


@given(st.lists(WRITTEN_NUMBERS, min_size=1, max_size=50))
@example(["9007199254740993", "9007199254740992.5", "8.5e22", "1e23", "5e-324", "1.7976931348623157e308", "-0.0"])
@example(["18446744073709551616", "99999999999999999999.5", "0.00000000000000000000000001", "2.2250738585072014e-308"])
@example(["4661.0", "-93697.50", "1e22", "1e-22", "9007199254740991e22", "9007199254740993e-22"])
def test_the_kernel_rounds_every_number_that_it_takes_as_python_does(texts):
    numbers, good, _ = numbers_of_texts(pa.array(texts))
    for text, number, taken in zip(texts, numbers.tolist(), good.tolist(), strict=True):
        if taken:
            assert bits(number) == bits(float(text))


@given(st.floats(min_value=1e-300, max_value=1e300), st.booleans())
def test_the_kernel_takes_each_ordinary_float_in_its_shortest_form(number, negative):
    text = repr(-number if negative else number)
    numbers, good, _ = numbers_of_texts(pa.array([text]))
    # Half way between two floats, and powers without a point, may be left; that is rare, and the slow lane's.
    if good[0]:
        assert bits(numbers[0]) == bits(float(text))


def test_the_kernel_takes_nearly_all_numbers_of_ordinary_files():
    generator = np.random.default_rng(5)
    values = generator.uniform(-42_000, 42_000, 20_000)
    for form in ("{:.6f}", "{:.9f}", "{:.15e}", "{:.17e}", "{!r}"):
        _, good, _ = numbers_of_texts(pa.array([form.format(value) for value in values.tolist()]))
        assert good.mean() > 0.98, form


@given(st.lists(ANY_TEXTS, min_size=1, max_size=30))
@example(
    ["nan", "inf", "1_5.0", "0x10", "١.٥", "1e", "e5", "+", "-", ".", "", "1.5.2", "--1", "1 ", " 1", "1e+-5", "1d5"]
)
@example(["1e400", "-1e999", "1" * 65, "0." + "0" * 70 + "1"])
def test_the_kernel_takes_nothing_that_the_slow_lane_refuses(texts):
    numbers, good, _ = numbers_of_texts(pa.array(texts))
    for text, number, taken in zip(texts, numbers.tolist(), good.tolist(), strict=True):
        if taken:
            line = fields_of(f"2024-01-01T00:00:00 {text} 0 0 0 0 0".encode(), 1)
            state = state_of(line, 7, "UTC", set())
            assert bits(state.numbers[0]) == bits(number)


def by_slow_lane(payload: bytes, columns: int) -> tuple[list[int], list[list[float]], set[str]]:
    """All lines through `state_of`."""
    epochs, numbers, notices = [], [], set()
    for line, text in enumerate(payload.split(b"\n"), start=1):
        fields = fields_of(text, line)
        if fields is not None:
            state = state_of(fields, columns, "UTC", notices)
            epochs.append(state.epoch_tai_ns)
            numbers.append(state.numbers)
    return epochs, numbers, notices


def outcome_of(call):
    """What a call gives, or the refusal that it raises."""
    try:
        return call()
    except RecordRefusedError as error:
        return error


EPOCH_TEXTS = st.builds(
    "2024-{}T{:02d}:{:02d}:{:02d}{}".format,
    st.sampled_from(["060", "02-29", "366", "12-31", "2-29", "02-30"]),
    st.integers(0, 24),
    st.integers(0, 59),
    st.integers(0, 60),
    st.sampled_from(["", ".5", ".123456789", ".1234567891", "Z", ".5Z", ".", "x"]),
)


@st.composite
def payloads(draw):
    """Data lines, most of them good, with blanks and blank lines anywhere, and the number of columns."""
    columns = draw(st.sampled_from([7, 10]))
    blanks = st.sampled_from([" ", "  ", "   "])
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        values = [draw(EPOCH_TEXTS), *(draw(WRITTEN_NUMBERS) for _ in range(columns - 1))]
        if draw(st.integers(0, 30)) == 0:
            values[draw(st.integers(0, len(values) - 1))] = draw(ANY_TEXTS)
        text = draw(st.sampled_from(["", " "])) + "".join(v + draw(blanks) for v in values[:-1]) + values[-1]
        lines.append(text + draw(st.sampled_from(["", " ", "\r", "\n", "\n  "])))
    return "\n".join(lines).encode(), columns


@given(payloads())
def test_both_lanes_give_the_same_states_or_the_same_refusal(payload_and_columns):
    payload, columns = payload_and_columns
    expected = outcome_of(lambda: by_slow_lane(payload, columns))
    states = outcome_of(lambda: lines_by_kernel(payload, Lines(0, len(payload), 1), columns, "UTC"))
    if isinstance(expected, RecordRefusedError) or isinstance(states, RecordRefusedError):
        assert (states.line, states.clause) == (expected.line, expected.clause)
        return
    epochs, numbers, notices = expected
    assert states.epoch_tai_ns.tolist() == epochs
    for column in range(columns - 1):
        got = [bits(number) for number in states.numbers[column].tolist()]
        assert got == [bits(row[column]) for row in numbers]
    assert states.deviations == notices


def test_a_payload_of_ordinary_lines_stays_in_the_kernel():
    payload = b"2024-01-01T00:00:00.000 7000.125 -0.5 1.25e+02 7.5 -3 0.0\n" * 100
    epochs = np.empty((100, EPOCH_WIDTH_MAX), dtype=np.uint8)
    numbers = np.empty((6, 100))
    widths, deviates = np.zeros(100, dtype=np.int64), np.zeros(2, dtype=np.bool_)
    start = Progress(0, 0, 1, UNSURE)
    progress = read_lines(np.frombuffer(payload, np.uint8), len(payload), 10, start, numbers, epochs, widths, deviates)
    assert progress == Progress(100, len(payload), 101, DONE)
    assert numbers[:, 99].tolist() == [7000.125, -0.5, 125.0, 7.5, -3.0, 0.0]


@pytest.fixture(params=["line by line", "kernel"])
def lane(request, monkeypatch):
    """Sends payloads of any size through one of the lanes."""
    bound = 0 if request.param == "kernel" else 1 << 60
    monkeypatch.setattr(schemas.oem.states, "FAST_LANE_PAYS_BYTES", bound)
    monkeypatch.setattr(schemas.oem.states, "FAST_LANE_PAYS_ROWS", bound)


GOOD = "2024-01-01T00:00:00 1.0 2.0 3.0 4.0 5.0 6.0"


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize(
    ("line", "field", "value", "rule"),
    [
        ("2024-01-01T00:01:00 1.0 2.0 nan 4.0 5.0 6.0", "Z", "nan", "a decimal number"),
        ("2024-01-01T00:01:00 1.0 inf 3.0 4.0 5.0 6.0", "Y", "inf", "a decimal number"),
        ("2024-01-01T00:01:00 1_5.0 2.0 3.0 4.0 5.0 6.0", "X", "1_5.0", "a decimal number"),
        ("2024-01-01T00:01:00 1.0 2.0 3.0 4.0 5.0 0x1F", "Z_DOT", "0x1F", "a decimal number"),
        ("2024-01-01T00:01:00 1.0 2.0 3.0 1e999 5.0 6.0", "X_DOT", "1e999", "a number that float64 can hold"),
        ("2024-01-01T00:01:00 1.0 2.0 3.0 4.0 5.0 6.0D0", "Z_DOT", "6.0D0", "a decimal number"),
        ("2024-13-01T00:01:00 1.0 2.0 3.0 4.0 5.0 6.0", "EPOCH", "2024-13-01T00:01:00", "month 13 does not exist"),
        ("2024-01-01T00:01:60 1.0 2.0 3.0 4.0 5.0 6.0", "EPOCH", "2024-01-01T00:01:60", "second 60"),
        ("2024-01-01 00:01:00 1.0 2.0 3.0 4.0 5.0 6.0", "data line", "2024-01-01 00:01:00 1.0", "8 values"),
        ("2024-01-01T00:01:00 1.0 2.0 3.0 4.0 5.0", "data line", "2024-01-01T00:01:00 1.0", "6 values"),
        ("2024-01-01T00:01:00\t1.0 2.0 3.0 4.0 5.0 6.0", "line", "\\t", "printable ASCII"),
        ("2024-01-01T00:01:00 1.0 2.0 3.0 4.0 5.0 6.0 \x00", "line", "\\x00", "printable ASCII"),
        ("2024-01-01T00:01:00 ١.0 2.0 3.0 4.0 5.0 6.0", "line", "\\xd9", "printable ASCII"),
        ("COMMENT a word in between", "COMMENT", "COMMENT a word", "comments stand before"),
        ("2024-01-01T00:01:00 1.0 2.0 3.0 4.0 5.0" + " " * 250 + "6.0", "line", "2024-01-01T00:01:00", "at most 254"),
    ],
)
def test_a_bad_data_line_is_refused_with_its_line_field_value_and_rule(line, field, value, rule):
    payload = f"{GOOD}\n\n{line}\n{GOOD}\n".encode()
    with pytest.raises(RecordRefusedError) as caught:
        states_of(payload, Lines(0, len(payload), 11), "UTC", "3.0")
    error = caught.value
    assert (error.line, error.field) == (13, field)
    assert error.value.startswith(value)
    assert rule in error.rule
    assert error.clause.startswith("CCSDS 502.0-B-3, ")


def test_lines_of_line_ends_alone_ask_for_little_memory_and_are_refused():
    payload = b"\n" * 5_000_000
    with pytest.raises(RecordRefusedError, match="at least one data line"):
        states_of(payload, Lines(0, len(payload), 1), "UTC", "3.0")


@pytest.mark.usefixtures("lane")
def test_short_lines_that_are_no_states_never_overrun_the_columns():
    payload = b"1 1 1 1 1 1 1\n" * 200_000
    with pytest.raises(RecordRefusedError) as caught:
        states_of(payload, Lines(0, len(payload), 1), "UTC", "3.0")
    assert (caught.value.field, caught.value.line) == ("EPOCH", 1)


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\n\r", b"\r"])
def test_every_line_ending_of_the_standard_is_read(ending):
    payload = ending.join([GOOD.encode(), b"", GOOD.replace("00:00", "00:01").encode(), b""])
    states = states_of(payload, Lines(0, len(payload), 1), "UTC", "3.0")
    assert states.batch.num_rows == 2


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("time_system", ["UTC", "TAI", "TT", "GPS", "UT1", "TDB"])
def test_epochs_are_read_in_the_time_system_of_the_message(time_system):
    states = states_of(GOOD.encode(), Lines(0, len(GOOD), 1), time_system, "3.0")
    assert states.batch["epoch_tai_ns"].to_pylist() == [to_tai_ns(time_system, "2024-01-01T00:00:00")]


@pytest.mark.usefixtures("lane")
def test_a_leap_second_and_widths_that_change_are_read():
    payload = b"2016-366T23:59:59 1 2 3 4 5 6\n2016-12-31T23:59:60.25 1 2 3 4 5 6\n2017-01-01T00:00:00.5Z 1 2 3 4 5 6\n"
    epochs = states_of(payload, Lines(0, len(payload), 1), "UTC", "3.0").batch["epoch_tai_ns"].to_pylist()
    assert np.diff(epochs).tolist() == [1_250_000_000, 1_250_000_000]


@pytest.mark.usefixtures("lane")
def test_bare_points_and_long_mantissas_are_read_and_named():
    payload = b"2024-01-01T00:00:00 .5 -5. 1.00000000000000001 4.0 5.0 6.0\n"
    states = states_of(payload, Lines(0, len(payload), 1), "UTC", "3.0")
    assert states.deviations == {"bare-decimal-point", "more-than-16-digits"}
    assert states.batch["y_km"].to_pylist() == [-5.0]


def run_of(rows: list[list[str]], keywords: tuple[str, ...] = STATE_KEYWORDS[:7]) -> Run:
    columns = tuple(pa.array(list(column), pa.string()) for column in zip(*rows, strict=True))
    return Run(keywords, columns, np.arange(10, 10 + len(rows)))


@given(payloads())
def test_columns_of_texts_give_the_same_states_as_lines(payload_and_columns):
    payload, columns = payload_and_columns
    rows = [line.split() for line in payload.decode().replace("\r", "").split("\n") if line.strip()]
    try:
        expected = states_of(payload, Lines(0, len(payload), 1), "UTC", "3.0")
    except RecordRefusedError:
        return
    runs = [run_of(rows[:1], STATE_KEYWORDS[:columns]), run_of(rows, STATE_KEYWORDS[:columns])]
    for pays in (0, 1 << 60):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(schemas.oem.states, "FAST_LANE_PAYS_ROWS", pays)
            got = states_of_runs(runs, "UTC", "3.0")
        assert got.batch.slice(1).equals(expected.batch)
        assert got.deviations == expected.deviations


def test_a_payload_of_some_size_goes_through_the_kernel_and_reads_the_same():
    epochs = (f"2024-01-{1 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00" for n in range(20_000))
    payload = "\n".join(f"{epoch} {n}.25 -0.5 1.000e3 7.5 -3 .5" for n, epoch in enumerate(epochs)).encode()
    payload += b"\n" * max(0, FAST_LANE_PAYS_BYTES - len(payload))
    lines = Lines(0, len(payload), 1)
    states = states_of(payload, lines, "UTC", "3.0")
    expected = lines_one_by_one(payload, lines, 7, "UTC")
    assert states.batch["epoch_tai_ns"].to_pylist() == expected.epoch_tai_ns.tolist()
    assert states.batch["x_km"].to_pylist() == expected.numbers[0].tolist()
    assert states.deviations == expected.deviations == {"bare-decimal-point"}


@pytest.mark.usefixtures("lane")
def test_a_bad_number_in_a_column_is_refused_with_its_line():
    rows = [GOOD.split(), GOOD.split()]
    rows[1][3] = "1_0"
    with pytest.raises(RecordRefusedError) as caught:
        states_of_runs([run_of(rows)], "UTC", "3.0")
    assert (caught.value.field, caught.value.value, caught.value.line) == ("Z", "1_0", 11)


def test_states_with_and_without_accelerations_do_not_stand_in_one_segment():
    short, long = GOOD.split(), [*GOOD.split(), "0.1", "0.2", "0.3"]
    with pytest.raises(RecordRefusedError, match="all or none"):
        states_of_runs([run_of([short]), run_of([long], STATE_KEYWORDS)], "UTC", "3.0")
