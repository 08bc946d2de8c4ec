"""What the hub's records are: types, Arrow schemas, identifiers, time, and the messages they are read from.

Knows nothing of networks, databases or partners.
"""
