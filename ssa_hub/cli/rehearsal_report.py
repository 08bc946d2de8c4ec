"""A rehearsal as a person reads it: the sums as a table, then what differs and why."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ssa_hub.release.columns import maskable_columns

if TYPE_CHECKING:
    from schemas.labels import Label
    from ssa_hub.sharing.rehearsing import Rehearsed

_HEADINGS = {
    "partner": "partner",
    "kind": "kind",
    "data_mode": "mode",
    "records": "came in",
    "received": "received",
    "would_receive": "would",
    "more": "more",
    "less": "less",
    "changed": "otherwise",
}
_WIDTH = 110


def label_text(label: "Label") -> str:
    """A label in one line: policy, classification, categories."""
    categories = "".join(f"; {category.tag_name}: {', '.join(category.values)}" for category in label.categories)
    return f"{label.policy} {label.classification}{categories}".strip() or "no label"


def json_text(rehearsed: "Rehearsed") -> str:
    """As the API's JSON says it."""
    from ssa_hub.api.rehearsals import as_json

    return as_json(rehearsed).decode()


def csv_text(rehearsed: "Rehearsed") -> str:
    """The effects, as the API's CSV says them."""
    from ssa_hub.api.rehearsals import as_csv

    return as_csv(rehearsed).decode()


def report_lines(rehearsed: "Rehearsed", what: str, labels: Mapping[str, str]) -> Iterator[str]:
    """The whole report, line by line; ``labels``: what each label says, by label id."""
    from schemas.timescales import format_utc
    from ssa_hub.release.rehearsal import differing

    begin, end, now = (
        format_utc(instant, 0)
        for instant in (rehearsed.received_from_tai_ns, rehearsed.received_to_tai_ns, rehearsed.now_tai_ns)
    )
    yield f"Rehearsal of {what} against the rules in force; nothing is changed."
    yield f"Came in: from {begin} to {end} UTC."
    yield f"Received: visible to the partner by {now} UTC under the rules in force; would: under the others."
    yield from (f"Note: {remark}" for remark in rehearsed.remarks)
    yield ""
    if not rehearsed.sums.num_rows:
        yield "No records of the period concern any partner that these rules speak of."
        return
    yield from _table(rehearsed.sums.to_pylist())
    changes = differing(rehearsed.effects).to_pylist()
    yield ""
    if not changes:
        yield "No partner would have received anything more, less or otherwise."
        return
    yield "What differs, and why:"
    for effect in changes:
        yield ""
        yield from _effect_lines(effect, labels)


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Texts to the left, numbers to the right; what a row repeats of the one above is left out."""
    cells = [[_cell(row[name]) for name in _HEADINGS] for row in rows]
    widths = [max(map(len, column)) for column in zip(list(_HEADINGS.values()), *cells, strict=True)]
    yield _line(list(_HEADINGS.values()), widths)
    yield "  ".join("-" * width for width in widths)
    former = ""
    for row in cells:
        shown = ["" if row[0] == former else row[0], *row[1:]]
        former = row[0]
        yield _line(shown, widths)


def _line(cells: list[str], widths: list[int]) -> str:
    texts = [f"{cell:<{width}}" for cell, width in zip(cells[:3], widths[:3], strict=True)]
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join([*texts, *numbers]).rstrip()


def _cell(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _effect_lines(effect: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[str]:
    counts = [f"{effect[name]:,} {word}" for name, word in (("more", "more"), ("less", "less"),
              ("changed", "otherwise")) if effect[name]]  # fmt: skip
    yield f"{effect['partner']}, {effect['kind']}, {effect['data_mode']}: {', '.join(counts)} of {effect['records']:,}"
    for side in ("1", "2"):
        if effect[f"originator_{side}"] is not None:
            label_id = effect[f"label_id_{side}"]
            yield f"    of      {effect[f'originator_{side}']}, {labels.get(label_id, label_id)}"
    if effect["own_side_alone"]:
        yield "            (the originator's own side alone is decided on)"
    for when in ("before", "after"):
        yield from _wrapped(f"    {when:<6}  ", _told(effect, when))
    for name, word in (("fields_more", "fields+"), ("fields_less", "fields-")):
        names = effect[name]
        if names:
            every = len(names) == len(maskable_columns(effect["kind"]))
            yield from _wrapped(f"    {word} ", "all that can be withheld" if every else ", ".join(names))


def _told(effect: Mapping[str, Any], when: str) -> str:
    """What the rules say; of two sides first what follows from both."""
    reason: str = effect[f"reason_{when}"]
    if effect[f"rule_{when}"] is None:
        return f"denied. {reason}"
    if effect["originator_2"] is None:
        return reason
    delay, steps = effect[f"delay_{when}_s"], effect[f"resolution_{when}"]
    late = f"{delay} s after receipt" if delay else "at once"
    return f"{late}{', in steps of ' + steps if steps else ''}. {reason}"


def _wrapped(head: str, text: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=" " * 12)
