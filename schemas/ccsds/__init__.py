"""The CCSDS family (OMM, OEM, CDM, OCM): one engine that reads and writes by tables.

Bytes become a tree (`tree.Message`) by the reader of their encoding (`read_kvn`, `read_xml`, `read_json`), the tree is
judged by the message's table (`judge`), and the message's own package turns it into a record. Writing goes the same
way back. What a message may say stands in ``tables/*.json`` and nowhere else.
"""
