"""Faults: a campaign that kills, stops and restarts a hub's processes under load, and tests of single faults."""
