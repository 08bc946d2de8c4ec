"""Where the exercise's objects are: one row a regime, with the share that the real catalogue of 2026 suggests.

Numbers are rounded from public catalogues (shells from FCC filings; clouds from the breakups of 2007 and 2009); the
names are invented.
"""

from typing import NamedTuple

_CENTRES = (("AQUILA", 0.5), ("BOREAL", 0.3), ("CIRRUS", 0.2))


class Regime(NamedTuple):
    """How the objects of one regime are drawn.

    ``weight``: its share. ``class_``: LEO, MEO, GEO or HEO. ``shape``: ``circular`` draws one altitude in
    ``perigee_km``; ``spread`` draws perigee and ``rise_km``, the apogee's height above it; ``cloud`` puts one apsis at
    the altitude of a breakup and the other a random height (exponential, mean in ``rise_km``) above or below.
    ``planes``: planes of a phased constellation, 0: none. ``inclination_deg``: (mean, standard deviation); None:
    sun-synchronous. ``per_launch``: objects of one launch. ``bstar``: (median, sigma of the logarithm).
    """

    name: str
    weight: float
    class_: str
    objects: str
    owners: tuple[tuple[str, float], ...]
    shape: str
    perigee_km: tuple[float, float]
    rise_km: tuple[float, float] = (0.0, 0.0)
    inclination_deg: tuple[float, float] | None = (0.0, 0.0)
    planes: int = 0
    argument_deg: tuple[float, float] | None = None  # (mean, standard deviation) of pericentre; None: anywhere
    bstar: tuple[float, float] = (0.0, 0.0)
    years: tuple[int, int] = (2000, 2025)
    per_launch: int = 1


_HALCYON = (("HALCYON-NET", 1.0),)
_PELICAN = (("PELICAN-LINK", 1.0),)
_MERIDIAN = (("MERIDIAN-SAT", 0.6), ("AQUILA", 0.2), ("BOREAL", 0.12), ("CIRRUS", 0.08))
_THIN = (2.0e-4, 0.5)
_LIGHT = (4.0e-4, 0.8)
_HEAVY = (8.0e-5, 0.5)

REGIMES = (
    Regime("shell-53", 3200, "LEO", "HALCYON", _HALCYON, "circular", (550, 550), inclination_deg=(53.05, 0), planes=72,
           bstar=_THIN, years=(2019, 2024), per_launch=60),
    Regime("shell-53b", 2600, "LEO", "HALCYON", _HALCYON, "circular", (538, 538), inclination_deg=(53.22, 0),
           planes=72, bstar=_THIN, years=(2021, 2025), per_launch=50),
    Regime("shell-43", 2300, "LEO", "HALCYON", _HALCYON, "circular", (527, 527), inclination_deg=(43.0, 0), planes=64,
           bstar=_THIN, years=(2022, 2025), per_launch=24),
    Regime("shell-70", 420, "LEO", "HALCYON", _HALCYON, "circular", (571, 571), inclination_deg=(70.0, 0), planes=36,
           bstar=_THIN, years=(2021, 2023), per_launch=50),
    Regime("shell-97", 520, "LEO", "HALCYON", _HALCYON, "circular", (560, 560), inclination_deg=(97.65, 0), planes=10,
           bstar=_THIN, years=(2021, 2024), per_launch=46),
    Regime("shell-1200", 650, "LEO", "PELICAN", _PELICAN, "circular", (1200, 1200), inclination_deg=(87.9, 0),
           planes=12, bstar=_HEAVY, years=(2019, 2023), per_launch=36),
    Regime("imaging", 1500, "LEO", "LANTERN", (("LANTERN-EO", 0.7), *((n, s * 0.3) for n, s in _CENTRES)), "spread",
           (475, 620), (0, 12), None, bstar=_THIN, years=(2014, 2025), per_launch=30),
    Regime("sso-payload", 1400, "LEO", "TERN", _CENTRES, "spread", (600, 880), (0, 25), None, bstar=_HEAVY,
           years=(1998, 2025), per_launch=3),
    Regime("sso-stage", 500, "LEO", "ORLAN R/B", _CENTRES, "spread", (550, 900), (5, 90), None, bstar=_HEAVY,
           years=(1985, 2025)),
    Regime("cloud-sso", 2600, "LEO", "KESTREL 3 DEB", _CENTRES, "cloud", (845, 870), (0, 130), (98.7, 0.45),
           bstar=_LIGHT, years=(2007, 2007), per_launch=4000),
    Regime("cloud-74", 900, "LEO", "SABLE 51 DEB", _CENTRES, "cloud", (780, 800), (0, 90), (74.0, 0.25),
           bstar=_LIGHT, years=(1993, 1993), per_launch=4000),
    Regime("cloud-86", 300, "LEO", "HERON 33 DEB", _CENTRES, "cloud", (770, 790), (0, 90), (86.4, 0.2),
           bstar=_LIGHT, years=(1997, 1997), per_launch=4000),
    Regime("debris-83", 2300, "LEO", "TARN DEB", _CENTRES, "spread", (500, 1000), (5, 400), (82.6, 0.7),
           bstar=_LIGHT, years=(1970, 2015), per_launch=40),
    Regime("debris-65", 1200, "LEO", "FIRTH DEB", _CENTRES, "spread", (450, 950), (5, 300), (65.3, 1.2),
           bstar=_LIGHT, years=(1965, 2015), per_launch=40),
    Regime("debris-100", 2200, "LEO", "MOSS DEB", _CENTRES, "spread", (550, 1450), (5, 500), (99.5, 1.5),
           bstar=_LIGHT, years=(1964, 2018), per_launch=60),
    Regime("stages-74-83", 1300, "LEO", "PETREL R/B", _CENTRES, "spread", (600, 1480), (5, 80), (79.0, 4.5),
           bstar=_HEAVY, years=(1968, 2015)),
    Regime("low", 700, "LEO", "WREN", _CENTRES, "spread", (390, 480), (2, 40), (52.0, 12.0), bstar=_THIN,
           years=(2022, 2025), per_launch=12),
    Regime("navigation-55", 60, "MEO", "COMPASS ROSE", (("AQUILA", 1.0),), "circular", (20_175, 20_185),
           inclination_deg=(55.0, 0.3), planes=6, years=(1997, 2024)),
    Regime("navigation-56", 40, "MEO", "POLARIS", (("BOREAL", 1.0),), "circular", (23_218, 23_226),
           inclination_deg=(56.0, 0.3), planes=3, years=(2011, 2024), per_launch=4),
    Regime("navigation-65", 40, "MEO", "SEXTANT", (("CIRRUS", 1.0),), "circular", (19_125, 19_135),
           inclination_deg=(64.8, 0.3), planes=3, years=(2001, 2023), per_launch=3),
    Regime("meo-stage", 160, "MEO", "TOWPATH R/B", _CENTRES, "spread", (18_900, 21_900), (20, 900), (60.0, 4.0),
           years=(1985, 2024)),
    Regime("geo-kept", 560, "GEO", "MERIDIAN", _MERIDIAN, "circular", (35_786, 35_786), inclination_deg=(0.05, 0.02),
           planes=1, years=(2005, 2025)),
    Regime("geo-drifting", 950, "GEO", "OLD MERIDIAN", _CENTRES, "spread", (35_600, 35_950), (10, 250), (7.5, 4.0),
           years=(1975, 2015)),
    Regime("molniya", 260, "HEO", "ARC", _CENTRES, "spread", (500, 2_400), (36_400, 38_500), (63.4, 1.0),
           argument_deg=(270.0, 12.0), years=(1970, 2015)),
    Regime("tundra", 30, "HEO", "HIGH ARC", _CENTRES, "spread", (23_400, 24_400), (23_300, 24_200), (63.4, 0.6),
           argument_deg=(270.0, 4.0), years=(2000, 2020)),
    Regime("gto-7", 400, "HEO", "GANNET R/B", _CENTRES, "spread", (230, 650), (33_500, 35_700), (6.5, 0.8),
           bstar=_HEAVY, years=(1985, 2023)),
    Regime("gto-27", 450, "HEO", "SKUA R/B", _CENTRES, "spread", (220, 1_200), (30_000, 35_800), (26.5, 1.5),
           bstar=_HEAVY, years=(1980, 2024)),
    Regime("gto-49", 350, "HEO", "FULMAR R/B", _CENTRES, "spread", (240, 2_000), (28_000, 35_800), (48.9, 1.5),
           bstar=_HEAVY, years=(1978, 2020)),
)  # fmt: skip
