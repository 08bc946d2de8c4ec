"""Partners and agreements of the API's tests.

ALPHA shows BETA everything, GAMMA some fields of element sets and conjunctions without their distances. DELTA shows
BETA everything an hour late. OMEGA lets BETA see conjunctions only. HERMIT has no agreement. Nobody shows NOBODY
anything. WARDEN is a steward.
"""

HOUR_S = 3_600
_CLEARED = 'clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]'
PARTNERS = "\n".join(
    f'[[partner]]\nname = "{name}"\n{_CLEARED}'
    for name in ("ALPHA", "BETA", "GAMMA", "DELTA", "OMEGA", "HERMIT", "NOBODY")
)
PARTNERS += '\n[[partner]]\nname = "WARDEN"\nroles = ["steward"]\n'
MASKED_FIELDS = ("object_name", "inclination_deg")
ALPHA = """
originator = "ALPHA"

[[rule]]
id = "beta-full"
kinds = ["elements", "derived-conjunctions"]
partners = ["BETA"]
data_modes = ["REAL"]
fields = ["*"]

[[rule]]
id = "gamma-elements"
kinds = ["elements"]
partners = ["GAMMA"]
data_modes = ["REAL"]
fields = ["object_name", "inclination_deg"]

[[rule]]
id = "gamma-conjunctions"
kinds = ["derived-conjunctions"]
partners = ["GAMMA"]
data_modes = ["REAL"]
fields = ["relative_speed_m_s", "method"]
"""
DELTA = f"""
originator = "DELTA"

[[rule]]
id = "beta-late"
kinds = ["elements", "derived-conjunctions"]
partners = ["BETA"]
data_modes = ["REAL"]
fields = ["*"]
delay_s = {HOUR_S}
"""
OMEGA = """
originator = "OMEGA"

[[rule]]
id = "beta-conjunctions"
kinds = ["derived-conjunctions"]
partners = ["BETA"]
data_modes = ["REAL"]
fields = ["*"]
"""
