"""Check digits that tell a number that means something from one that only looks so."""

from __future__ import annotations

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# Length of an IBAN by country: ISO 13616 IBAN registry, release 99.
_IBAN_LENGTHS = {
    int(length): frozenset(countries.split())
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FK FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
}
IBAN_LENGTH = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries}


def luhn(digits: str) -> bool:
    """Whether ASCII digits end in the check digit of ISO/IEC 7812-1."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += _DOUBLED[int(digit)] if place % 2 else int(digit)
    return total % 10 == 0


def mod97(iban: str) -> bool:
    """Whether an IBAN without spaces, in capitals, has the check digits of ISO/IEC 7064 MOD 97-10."""
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def payment_card(digits: str) -> bool:
    """Whether digits are a card number: an issuer's range with its length, and the check digit."""
    return len(digits) in _card_lengths(digits) and luhn(digits)


def _card_lengths(digits: str) -> tuple[int, ...]:
    """Lengths that issuers use for numbers that begin so; empty where no card does."""
    two, three, four = digits[:2], digits[:3], digits[:4]
    if digits[0] == "4":
        return (13, 16, 19)
    if "51" <= two <= "55" or "2221" <= four <= "2720":
        return (16,)
    if two in ("34", "37"):
        return (15,)
    if two in ("36", "38", "39") or "300" <= three <= "305":
        return (14, 16)
    if four == "6011" or two == "65" or "644" <= three <= "649" or "3528" <= four <= "3589":
        return (16,)
    return (16, 17, 18, 19) if two == "62" else ()
