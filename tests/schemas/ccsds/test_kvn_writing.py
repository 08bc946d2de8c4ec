"""KVN from trees: rows, matrices, units, and what KVN cannot say."""

import numpy as np
import pyarrow as pa
import pytest

from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.tree import Block, Item, Lines, Message, Run
from schemas.ccsds.write_kvn import write_kvn
from schemas.refusals import CannotRenderError
from tests.schemas.ccsds.kvn_trees import CDM, CDM_TEXT, OEM, OEM_TEXT, OMM, OMM_TEXT, only

STATE = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")


def state_run(rows: int, keywords: tuple[str, ...] = STATE) -> Run:
    columns = [pa.array([f"{i}.{column}" for i in range(rows)], pa.string()) for column in range(len(keywords))]
    return Run(keywords, tuple(columns), np.arange(rows, dtype=np.int64))


def oem_with(block_name: str, items: list[Item], rows: list[Lines | Run]) -> Message:
    message = only(OEM_TEXT.partition(b"COMMENT of the data")[0], OEM)
    message.blocks.append(Block(OEM.by_name[block_name], 1, 0, items, rows))
    return message


def test_runs_of_states_become_data_lines_in_the_order_of_the_table() -> None:
    backwards = state_run(3)
    backwards = Run(backwards.keywords[::-1], backwards.columns[::-1], backwards.lines)
    text = write_kvn([oem_with("stateVector", [], [state_run(3), backwards])])
    row = "{0}.0 {0}.1 {0}.2 {0}.3 {0}.4 {0}.5 {0}.6\n"
    assert text.decode().endswith("META_STOP\n" + (row.format(0) + row.format(1) + row.format(2)) * 2)


def test_a_sliced_run_is_written_as_its_slice() -> None:
    run = state_run(9)
    part = Run(run.keywords, tuple(column.slice(4, 2) for column in run.columns), run.lines[4:6])
    text = write_kvn([oem_with("stateVector", [], [part])])
    assert text.decode().split("META_STOP\n")[1] == "4.0 4.1 4.2 4.3 4.4 4.5 4.6\n5.0 5.1 5.2 5.3 5.4 5.5 5.6\n"


def test_a_matrix_of_items_becomes_the_lower_triangle() -> None:
    terms = [keyword.keyword for keyword in OEM.by_name["covarianceMatrix"].keywords if keyword.in_rows]
    items = [Item("COMMENT", "first"), Item("EPOCH", "2026-11-22T00:00:00"), Item("COV_REF_FRAME", "RTN")]
    items += [Item(term, str(index)) for index, term in enumerate(terms)]
    text = write_kvn([oem_with("covarianceMatrix", items, [])]).decode()
    assert text.endswith("\n0\n1 2\n3 4 5\n6 7 8 9\n10 11 12 13 14\n15 16 17 18 19 20\nCOVARIANCE_STOP\n")
    with pytest.raises(CannotRenderError, match="CZ_DOT_Z_DOT: a matrix in KVN has all of its 21 terms"):
        write_kvn([oem_with("covarianceMatrix", items[:-1], [])])


def test_comments_of_later_matrices_stand_at_the_beginning_of_the_section() -> None:
    message = only(OEM_TEXT, OEM)
    message.blocks[5].items.insert(0, Item("COMMENT", "of the second"))
    section = write_kvn([message], OEM_TEXT).decode().split("COVARIANCE_START\n")[1]
    assert section.startswith("COMMENT of the matrices\nCOMMENT of the second\nEPOCH ")


def test_units_as_the_xml_schema_has_them_are_written_as_the_book_has_them() -> None:
    message = only(OMM_TEXT, OMM)
    message.blocks[2].items[1] = Item("MEAN_MOTION", "15.5", "REV/DAY")
    assert " = 15.5 [rev/day]\n" in write_kvn([message]).decode()


@pytest.mark.parametrize("item", [Item("MEAN_MOTION", "15.5", "rev]"), Item("MEAN_MOTION", "15.5 [x]", "rev/day")])
def test_brackets_that_would_read_back_as_other_units_are_refused(item: Item) -> None:
    message = only(OMM_TEXT, OMM)
    message.blocks[2].items[1] = item
    with pytest.raises(CannotRenderError, match=r"MEAN_MOTION.*brackets"):
        write_kvn([message])


def omm_with(item: Item) -> Message:
    message = only(OMM_TEXT, OMM)
    message.blocks[1].items = [Item("OBJECT_NAME", "X"), item]
    return message


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Item("OBJECT_ID", "x" * 240), "OBJECT_ID: a line of KVN has at most 254 characters.*7.3"),
        (Item("COMMENT", "x" * 247), "COMMENT: a line of KVN has at most 254 characters"),
        (Item("COMMENT", "a\nCREATION_DATE = b"), "COMMENT: .*no line breaks"),
        (Item("OBJECT_ID", "a\rb"), "OBJECT_ID: .*no line breaks"),
        (Item("OBJECT_ID", "für"), "OBJECT_ID: .*printable ASCII"),
        (Item("CENTER_NAME", ""), "CENTER_NAME: a mandatory keyword has a value"),
        (Item("CENTER_NAME", "EARTH", "km"), "CENTER_NAME has the units km: KVN has units only where the table has"),
        (Item("CENTER NAME", "EARTH"), "CENTER NAME: a keyword of KVN has letters"),
        (Item("A = 1\nB", "EARTH"), "a keyword of KVN has letters"),
    ],
)
def test_what_kvn_cannot_say_is_refused_by_keyword_and_rule(item: Item, said: str) -> None:
    with pytest.raises(CannotRenderError, match=said):
        write_kvn([omm_with(item)])


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        (0, "", "begins with a value"),
        (0, "META_START", "begins with a value"),
        (3, "", "values without blanks"),
        (3, "1 2", "values without blanks"),
        (3, "1\n2", "line break"),
        (3, "\u0661", "printable ASCII"),
        (3, "1" * 300, "254 characters"),
    ],
)
def test_values_that_would_read_back_otherwise_are_no_data_lines(column: int, text: str, said: str) -> None:
    run = state_run(3)
    columns = list(run.columns)
    columns[column] = pa.array(["1", text, "3"], pa.string())
    with pytest.raises(CannotRenderError, match=said):
        write_kvn([oem_with("stateVector", [], [Run(run.keywords, tuple(columns), run.lines)])])


def test_a_part_of_the_accelerations_cannot_be_said() -> None:
    with pytest.raises(CannotRenderError, match="all other values or none"):
        write_kvn([oem_with("stateVector", [], [state_run(2, (*STATE, "X_DDOT"))])])


def test_units_stand_in_every_value_of_a_cdm_that_has_them() -> None:
    message = only(CDM_TEXT.replace(b"[m]", b"").replace(b"[km]", b""), CDM)
    text = write_kvn([message]).decode()
    assert "\nMISS_DISTANCE     = 715 [m]\n" in text
    assert "\nX                 = 2.0 [km]\n" in text


def test_a_run_of_messages_is_written_message_by_message() -> None:
    message = only(OMM_TEXT, OMM)
    message.run = Run(
        ("COMMENT", "COMMENT", "OBJECT_NAME"),
        tuple(pa.array([f"{name}{i}" for i in range(2)], pa.string()) for name in "abc"),
        np.arange(2, dtype=np.int64),
    )
    found = list(read_kvn_messages(write_kvn([message]), OMM))
    assert [m.blocks[1].text("OBJECT_NAME") for m in found if isinstance(m, Message)] == ["A=B [C]", "c0", "c1"]
    assert [m.blocks[0].comments() for m in found if isinstance(m, Message)] == [["written by hand"], ["a0"], ["a1"]]
