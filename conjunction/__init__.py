"""Orbits: SGP4 in bulk, screening, refinement to TCA. Knows neither the log nor who may see what."""
