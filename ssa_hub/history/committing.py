"""Transactions on Iceberg tables that do not copy all of a table's metadata at every look at it.

PyIceberg's own (0.12) works out the metadata anew, and copies them in depth, each time that any part of a commit looks
at them: 15 times an append. The metadata hold every snapshot that is kept, so that a commit got slower with each.
"""

from typing import TYPE_CHECKING

from pyiceberg.table import Transaction

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableUpdate


class FrugalTransaction(Transaction):
    """PyIceberg's transaction; the metadata are worked out once for each set of staged updates.

    Whoever looks must not change them: PyIceberg makes new ones for what it changes.
    """

    _worked_out: "tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None"

    def __init__(self, table: "Table") -> None:
        super().__init__(table)
        self._worked_out = None

    @property
    def table_metadata(self) -> "TableMetadata":
        """The table's metadata with what is staged so far."""
        base, updates = self._table.metadata, self._updates
        if self._worked_out is None or self._worked_out[0] is not base or self._worked_out[1] is not updates:
            self._worked_out = (base, updates, super().table_metadata)
        return self._worked_out[2]
