"""Fuzzing of the message readers: ``python -m tests.fuzz`` (see `tests.fuzz.__main__`)."""
