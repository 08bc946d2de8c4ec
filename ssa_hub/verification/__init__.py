"""Whether everything that the hub keeps agrees: payloads, log, history, state, ledger. docs/operating.md says how."""
