"""From payload to records on the log: parse, validate, identify, deduplicate, label, publish; and quarantine."""
