"""Starlink's ephemeris text (MEME, "modified ITC"): read only."""
