"""Confidentiality labels: the type, XML, bindings, portion marks, TLP."""
