"""How exactly a value was written: the unit of its last digit.

Producers round or cut off (18 SDS states 55 m for 55.8 m), so a stated value is known to one unit of its last digit.
"""

from collections.abc import Iterable

_POINT = "."


def last_digit(text: str) -> float:
    """One unit of the last digit of a decimal number (of the CCSDS grammar), in the number's own unit.

    >>> last_digit("55"), last_digit("-21.30"), last_digit("1.25e+03")
    (1.0, 0.01, 10.0)
    """
    mantissa, _, exponent = text.upper().partition("E")
    decimals = len(mantissa.partition(_POINT)[2])
    return float(f"1E{(int(exponent) if exponent else 0) - decimals}")


def shared_last_digit(texts: Iterable[str]) -> float:
    """One unit of the last digit of values that a producer writes alike, such as the coordinates of a position.

    With a fixed point the finest of them: 18 SDS leaves trailing zeros out, so that -2486.1092 stands beside
    -5719.153201. With exponents the coarsest. NaN for no values.
    """
    known = list(texts)
    if not known:
        return float("nan")
    digits = [last_digit(text) for text in known]
    return max(digits) if any("E" in text.upper() for text in known) else min(digits)


def last_digit_of_second(text: str) -> float:
    """One unit of the last digit of a CCSDS time, s: 0.001 for milliseconds, 1 without a fraction.

    >>> last_digit_of_second("2023-07-05T20:31:15.893Z")
    0.001
    """
    return float(f"1E-{len(text.rstrip('Z').partition(_POINT)[2])}")
