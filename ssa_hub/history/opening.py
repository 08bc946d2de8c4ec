"""Opening the catalogue and the tables: created where they are absent, brought to this version's layout where not.

What changed between versions and is done here at opening: columns that were added; the partitioning by month of
reception, which is given up (files written under it stay and are read and merged like others); columns that may be null
where others give them back.
"""

from contextlib import nullcontext
from typing import TYPE_CHECKING

from ssa_hub.history.failures import HistoryLayoutError, HistoryUnavailableError
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.locations import is_object, is_served
from ssa_hub.history.tables import (
    NAMESPACE,
    RECEIVED_MONTH,
    TABLES,
    TableDefinition,
    iceberg_schema,
    sort_order,
    table_properties,
)
from ssa_hub.state.start_lock import start_lock

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from ssa_hub.history.catalogues import DatabaseCatalogue, ServedCatalogue

_ATTEMPTS_MAX = 5


def opened_catalogue(files: FileAccess, catalogue_uri: str) -> "DatabaseCatalogue | ServedCatalogue":
    """The catalogue with this version's tables in it. Processes may do it at the same time.

    A database is locked meanwhile. A REST catalogue creates and changes each table at once or not at all, and who
    comes second goes on from there. Raises ValueError, HistoryLayoutError, HistoryUnavailableError, and what the
    server's or database's client raises.
    """
    from pyiceberg.exceptions import CommitFailedException

    from ssa_hub.history.catalogues import open_catalogue

    if is_served(catalogue_uri) and not is_object(files.root):
        raise ValueError("a REST catalogue needs a warehouse that its server reaches too: give s3://bucket/prefix")
    with nullcontext() if is_served(catalogue_uri) else start_lock(catalogue_uri, "catalogue"):
        files.check()
        catalogue = open_catalogue(files.root, catalogue_uri)
        for _ in range(_ATTEMPTS_MAX):
            try:
                create_tables(catalogue, files)
            except CommitFailedException:
                continue
            return catalogue
    raise HistoryUnavailableError(f"tables of the history: {_ATTEMPTS_MAX} conflicts with other processes in a row")


def create_tables(catalogue: "DatabaseCatalogue | ServedCatalogue", files: FileAccess) -> None:
    """Create what is absent, bring up to date and check what is there. See `opened_catalogue`.

    Raises HistoryLayoutError where a table has other columns than this version writes, or lies elsewhere.
    """
    catalogue.create_namespace_if_not_exists(NAMESPACE)
    for definition in TABLES.values():
        schema = iceberg_schema(definition)
        table = catalogue.create_table_if_not_exists(
            definition.identifier,
            schema,
            location=f"{files.root}/{'/'.join(definition.identifier)}",
            sort_order=sort_order(schema, definition),
            properties=table_properties(definition),
        )
        if is_object(files.root) and not table.location().startswith(f"{files.root}/"):
            raise HistoryLayoutError(f"table {definition.kind} of this catalogue lies in {table.location()}")
        table = _with_columns_of_now(table, definition)
        expected = [(f.name, str(f.field_type), f.required) for f in schema.fields]
        found = [(f.name, str(f.field_type), f.required) for f in table.schema().fields]
        if [name for name, *_ in expected] != [name for name, *_ in found] or _types_differ(expected, found):
            raise HistoryLayoutError(f"table {definition.kind} has other columns than this version writes")
        _without_partitions(table)


def _with_columns_of_now(table: "Table", definition: TableDefinition) -> "Table":
    """The table with the columns that were added to its records since it was made; all of them may be null.

    A required column that is missing is left for the check that follows: of old rows nobody knows it.
    """
    found = {field.name: field for field in table.schema().fields}
    missing = [field for field in iceberg_schema(definition).fields if field.name not in found and not field.required]
    loosened = [name for name in found if name in definition.derivable and found[name].required]
    if missing or loosened:
        with table.update_schema() as update:
            for field in missing:
                update.add_column(field.name, field.field_type, doc=field.doc)
                update.move_before(field.name, RECEIVED_MONTH.name)
            for name in loosened:
                update.make_column_optional(name)
    return table


def _without_partitions(table: "Table") -> None:
    names = [field.name for field in table.spec().fields]
    if names:
        with table.update_spec() as update:
            for name in names:
                update.remove_field(name)


def _types_differ(expected: list[tuple[str, str, bool]], found: list[tuple[str, str, bool]]) -> bool:
    # A list's element id is part of its text and differs between a new schema and a stored one.
    return any(
        (e[1] != f[1] and not e[1].startswith("list")) or e[2] != f[2] for e, f in zip(expected, found, strict=True)
    )
