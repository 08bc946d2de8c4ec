"""The generated exercise: invented objects, invented owners, planted close approaches. Deterministic by seed."""
