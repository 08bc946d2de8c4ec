"""Brute force over real catalogues, kept as a reference: nothing here imports `conjunction`."""
