"""What can go wrong with the state."""


class StateUnavailableError(Exception):
    """The database cannot be reached or written now; the transaction at hand has not happened, or its commit's
    outcome is unknown where the connection broke in the middle of it. Every write here may be repeated.
    """
