"""``ssa-hub labels``: confidentiality labels in files, with no hub."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.files import content, end, put

if TYPE_CHECKING:
    from schemas.labels import Label

labels = typer.Typer(help="Confidentiality labels: ADatP-4774 XML, JSON, TLP 2.0, US portion marks.")

_LABEL_BYTES_MAX = 1 << 20

Source = Annotated[
    str, typer.Argument(metavar="FILE|TEXT", help="A file with a label (XML, JSON, a sidecar), or TLP:… or CAPCO:… .")
]


class LabelForm(StrEnum):
    """Values of ``--format``."""

    XML = "xml"
    JSON = "json"
    TLP = "tlp"
    CAPCO = "capco"


@labels.command()
def read(source: Source) -> None:
    """Read a label strictly and say what it says, as JSON; ends with 2 and the rule where it breaks one."""
    import msgspec

    typer.echo(msgspec.json.format(_read(source).to_json(), indent=2).decode())


@labels.command()
def write(
    source: Source,
    form: Annotated[LabelForm, typer.Option("--format", help="What to write.")],
    creation_date: Annotated[str | None, typer.Option(help="CreationDateTime (UTC) where the label has none.")] = None,
    review_date: Annotated[
        str | None, typer.Option(help="ReviewDateTime (UTC) where it has neither one nor a succession.")
    ] = None,
) -> None:
    """Write a label in another form, on the output; ends with 2 where no mapping is defined."""
    from schemas.label_error import LabelError, NoLabelMappingError
    from schemas.label_text import capco_line, tlp_line
    from schemas.label_writing import write_label_xml

    label = _dated(_read(source), creation_date, review_date)
    try:
        if form is LabelForm.XML:
            text = write_label_xml(label).decode()
        elif form is LabelForm.JSON:
            text = label.to_json().decode() + "\n"
        else:
            text = (tlp_line(label) if form is LabelForm.TLP else capco_line(label)) + "\n"
    except (LabelError, NoLabelMappingError) as error:
        raise end(str(error)) from error
    typer.echo(text, nl=False)


@labels.command()
def bind(
    file: Annotated[Path, typer.Argument(help="The file that the label is for.")],
    label: Annotated[str, typer.Option(metavar="FILE|TEXT", help="The label, as `labels read` takes it.")],
    creation_date: Annotated[str | None, typer.Option(help="CreationDateTime (UTC) where the label has none.")] = None,
    review_date: Annotated[
        str | None, typer.Option(help="ReviewDateTime (UTC) where it has neither one nor a succession.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the sidecar where it exists.")] = False,
) -> None:
    """Write FILE.bdo beside a file: its label, bound to its name and bytes (ADatP-4778)."""
    from schemas.label_binding import SUFFIX
    from schemas.label_binding import bind as bound
    from schemas.label_error import NoLabelMappingError

    target = file.with_name(file.name + SUFFIX)
    if target.exists() and not force:
        raise end(f"{target} exists; --force replaces it")
    read_label = _dated(_read(label), creation_date, review_date)
    try:
        sidecar = bound(read_label, file.name, _whole(file))
    except NoLabelMappingError as error:
        raise end(str(error)) from error
    put(target, lambda partial: partial.write_bytes(sidecar))
    typer.echo(str(target))


@labels.command()
def check(file: Annotated[Path, typer.Argument(help="A file with its sidecar FILE.bdo beside it.")]) -> None:
    """Say whether a file is the one that its sidecar binds a label to; ends with 1 where it is not."""
    from schemas.label_binding import SUFFIX, check_binding, read_binding
    from schemas.label_error import LabelError

    name, data = content(file.with_name(file.name + SUFFIX))
    try:
        binding = read_binding(data, name)
    except LabelError as error:
        raise end(str(error)) from error
    problems = check_binding(binding, file.name, _whole(file))
    for problem in problems:
        typer.echo(f"{name}: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{file}: {binding.label.policy} {binding.label.classification} (label {binding.label.label_id})")


def _read(source: str) -> "Label":
    """The label of a file, or of a text. Ends the command for what is none."""
    import msgspec

    from schemas.label_binding import NAMESPACE, read_binding
    from schemas.label_error import LabelError, NoLabelMappingError
    from schemas.label_text import is_label_text, label_of_text
    from schemas.label_xml import read_label_xml
    from schemas.labels import label_from_json

    try:
        if is_label_text(source):
            return label_of_text(source)
        name, data = content(Path(source))
        if len(data) > _LABEL_BYTES_MAX:
            raise end(f"{name}: no label has more than {_LABEL_BYTES_MAX} bytes")
        if data.lstrip().startswith(b"{"):
            return label_from_json(data)
        if NAMESPACE.encode() in data:
            return read_binding(data, name).label
        return read_label_xml(data, name)
    except (LabelError, NoLabelMappingError) as error:
        raise end(str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise end(f"{source}: not a label: {error}") from error


def _dated(label: "Label", creation_date: str | None, review_date: str | None) -> "Label":
    """The label with those dates that were given on the command line, where it has none. Ends for what is no date."""
    from schemas.label_writing import with_dates
    from schemas.timescales import parse_utc

    try:
        created, review = (None if text is None else parse_utc(text) for text in (creation_date, review_date))
    except ValueError as error:
        raise end(str(error)) from error
    return with_dates(label, creation_tai_ns=created, review_tai_ns=review)


def _whole(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise end(f"{file}: {error.strerror or error}") from error
