"""Tables as an earlier version made them: partitioned by month of reception, all texts required, PyIceberg's files."""

from pathlib import Path
from typing import TYPE_CHECKING

from ssa_hub.history.catalogues import open_catalogue
from ssa_hub.history.tables import NAMESPACE, TableDefinition, iceberg_schema, sort_order, table_properties

if TYPE_CHECKING:
    from pyiceberg.table import Table


def former_table(directory: Path, definition: TableDefinition) -> tuple[str, "Table"]:
    """A table of the former layout in ``directory / "w"``; the URI of its catalogue, and it."""
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    uri = f"sqlite:///{directory / 'catalogue.sqlite'}"
    (directory / "w").mkdir(exist_ok=True)
    catalogue = open_catalogue(f"file://{directory / 'w'}", uri)
    catalogue.create_namespace_if_not_exists(NAMESPACE)
    before = definition._replace(utc_texts=(), decimals=())
    schema = iceberg_schema(before)
    month = schema.find_field("received_month").field_id
    spec = PartitionSpec(
        PartitionField(
            source_id=month, field_id=PARTITION_FIELD_ID_START, transform=IdentityTransform(), name="received_month"
        )
    )
    table = catalogue.create_table(
        before.identifier,
        schema,
        partition_spec=spec,
        sort_order=sort_order(schema, before),
        properties={**table_properties(before), "write.parquet.row-group-limit": "2048"},
    )
    return uri, table
