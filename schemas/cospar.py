"""International (COSPAR) designators: the TLE's eight columns and the form YYYY-NNNP{PP}."""

import re

_TLE_FORM = re.compile(r"([0-9]{2})([0-9]{3})([A-Z]{1,3})")
_FULL_FORM = re.compile(r"[0-9]{4}-[0-9]{3}[A-Z]{1,3}")


def four_digit_year(two_digits: int) -> int:
    """The TLE's year: 57 to 99 are 1957 to 1999, 00 to 56 are 2000 to 2056.

    >>> four_digit_year(57), four_digit_year(56)
    (1957, 2056)
    """
    return two_digits + (1900 if two_digits >= 57 else 2000)


def is_cospar_id(text: str) -> bool:
    """True for ``YYYY-NNNP{PP}`` with a launch number other than 000, which only fills columns."""
    return _FULL_FORM.fullmatch(text) is not None and text[5:8] != "000"


def cospar_id_of_tle(text: str) -> str | None:
    """``YYYY-NNNP{PP}`` of a TLE's ``YYNNNPPP`` (trailing blanks removed), or None where it is no designator.

    >>> cospar_id_of_tle("98067A"), cospar_id_of_tle("00000A"), cospar_id_of_tle("")
    ('1998-067A', None, None)
    """
    match = _TLE_FORM.fullmatch(text)
    if match is None or match[2] == "000":
        return None
    return f"{four_digit_year(int(match[1]))}-{match[2]}{match[3]}"


def tle_form_of(cospar_id: str | None) -> str:
    """``YYNNNPPP`` in eight columns; blank where there is no designator, or its year has no two-digit form.

    >>> tle_form_of("1998-067A"), tle_form_of(None)
    ('98067A  ', '        ')
    """
    if cospar_id is None or not is_cospar_id(cospar_id) or not 1957 <= int(cospar_id[:4]) <= 2056:
        return " " * 8
    return f"{cospar_id[2:4]}{cospar_id[5:]:<6}"
