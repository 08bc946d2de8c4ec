"""Conjunction data messages (CDM, CCSDS 508.0-B-1): read, checked against their own states, and written.

One row of `columns.CONJUNCTION_MESSAGE_SCHEMA` a message. The engine of ``schemas.ccsds`` reads and judges by the
table; what the table cannot say stands in `rules`, what the states say of the stated values in `agreement`.
"""
