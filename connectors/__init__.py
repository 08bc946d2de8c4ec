"""One module a kind of outside source: where it is, how to ask politely, what raw payload comes back.

A connector never knows what a payload means.
"""
