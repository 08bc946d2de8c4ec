"""Orbit Ephemeris Messages (CCSDS 502.0-B-3, chapter 5), read and written."""
