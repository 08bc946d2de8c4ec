"""The keys of an agreement: what reading, the sentences of the errors and docs/release.md follow from."""

from schemas.records import DataMode, Kind
from ssa_hub.release.documents import Key, choice, flag, listing, number, table, text, utc, whole
from ssa_hub.release.partner import Posture
from ssa_hub.release.retention import KEEP_DAYS_MAX
from ssa_hub.release.rule import DELAY_S_MAX, OWN_DATA
from ssa_hub.release.tear_line_terms import BUDGET_MAX

_KINDS = ", ".join(Kind)
_MODES = ", ".join(DataMode)
_POSTURES = ", ".join(Posture)
_UTC = 'UTC in quotes, "YYYY-MM-DDThh:mm:ss"'
_FIELDS = '["*"], or a list of names of fields of the kind'
_PARTNERS_OR_GROUPS = "partners, groups, or both must be there"
AGREEMENT_KEYS = (
    Key("originator", text, "the originator's name, one line of text", required=True),
    Key("title", text, "one line of text, for people"),
)
RULE_KEYS = (
    Key("id", text, f'a name of the rule, unique in the file, not "{OWN_DATA}"', required=True),
    Key("kinds", listing(choice(Kind)), f"a list of: {_KINDS}; tear-lines stands alone", required=True),
    Key("partners", listing(text), f"a list of names of partners; {_PARTNERS_OR_GROUPS}"),
    Key("groups", listing(text), f"a list of names of groups; {_PARTNERS_OR_GROUPS}"),
    Key("purposes", listing(text), "a list of purposes: only who is enrolled with one of them; left out: whoever"),
    Key("data_modes", listing(choice(DataMode)), f"a list of: {_MODES}", required=True),
    Key("postures", listing(choice(Posture)), f"a list of: {_POSTURES}; left out: all three"),
    Key("fields", listing(text), f"{_FIELDS}s named in kinds; required, but for tear-lines, which have none"),
    Key("resolution", table, "a table of steps that what is shown is rounded down to; left out: exact"),
    Key("tear_line", table, "a table, required just where kinds is tear-lines: how finely and how often"),
    Key("delay_s", whole(0, DELAY_S_MAX), f"a whole number from 0 to {DELAY_S_MAX} s after receipt; left out: 0"),
    Key("valid_from", utc, f"{_UTC}: the first instant; left out: from always"),
    Key("valid_until", utc, f"{_UTC}: the first instant no more; left out: for ever"),
)
RESOLUTION_KEYS = (
    Key("time_s", whole(1, 366 * 86_400), f"a whole number from 1 to {366 * 86_400} s of TAI"),
    Key("distance_m", number(0.001, 1e9), "a number from 0.001 to 1000000000 m"),
    Key("speed_m_s", number(1e-6, 1e6), "a number from 0.000001 to 1000000 m/s"),
    Key("angle_deg", number(1e-6, 360), "a number from 0.000001 to 360 deg"),
    Key("mean_motion_rev_per_day", number(1e-9, 20), "a number from 0.000000001 to 20 rev/day"),
    Key("eccentricity", number(1e-9, 1), "a number from 0.000000001 to 1"),
)
RETENTION_KEYS = (
    Key(
        "keep_days",
        whole(1, KEEP_DAYS_MAX),
        f"a whole number from 1 to {KEEP_DAYS_MAX} days after receipt",
        required=True,
    ),
    Key("kinds", listing(choice(Kind)), f"a list of: {_KINDS}, but tear-lines; left out: all of them"),
    Key("sources", listing(text), "a list of ids of sources; left out: every one"),
    Key("data_modes", listing(choice(DataMode)), f"a list of: {_MODES}; left out: all of them"),
)
EXAMPLE_KEYS = (
    Key("partner", text, "a partner's name", required=True),
    Key("kind", choice(Kind), f"one of: {_KINDS}", required=True),
    Key("data_mode", choice(DataMode), f"one of: {_MODES}", required=True),
    Key("sees", flag, "true or false", required=True),
    Key("posture", choice(Posture), f"one of: {_POSTURES}; left out: it holds in all three"),
    Key("fields", listing(text), f"{_FIELDS}: just what is shown; only where sees = true"),
    Key("resolution", table, "the steps that are to apply, {}: none; only where sees = true"),
    Key("delay_s", whole(0, DELAY_S_MAX), "the delay that is to apply, s; only where sees = true"),
    Key("budget", whole(1, BUDGET_MAX), "the budget that is to apply, of tear-lines; only where sees = true"),
    Key("at", utc, f"{_UTC}; left out: every rule is taken as valid"),
)
