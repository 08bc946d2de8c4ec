"""What was known, when, from whom: append-only bitemporal tables in Apache Iceberg, read by DuckDB."""
