"""Check digits that tell a number that means something from one that only looks so.

Arguments are ASCII digits or capitals without separators unless a function says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

_DOUBLED = str.maketrans("0123456789", "0246813579")

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
    signs = (digits[-1::-2] + digits[-2::-2].translate(_DOUBLED)).encode()
    return (sum(signs) - 48 * len(signs)) % 10 == 0


def mod97(iban: str) -> bool:
    """Whether an IBAN without spaces, in capitals, has the check digits of ISO/IEC 7064 MOD 97-10."""
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of digits times their weights, as far as there are weights."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def mod11_10(digits: str) -> bool:
    """Whether digits end in the check digit of ISO/IEC 7064 MOD 11,10 (hybrid)."""
    carry = 10
    for digit in digits[:-1]:
        carry = (carry + int(digit)) % 10 or 10
        carry = carry * 2 % 11
    return (11 - carry) % 10 == int(digits[-1])


# Verhoeff (1969), Error detecting decimal codes: products in the dihedral group D5 and the permutation by place.
_D5 = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PLACES = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def verhoeff(digits: str) -> bool:
    """Whether digits end in Verhoeff's check digit."""
    carry = 0
    for place, digit in enumerate(reversed(digits)):
        carry = int(_D5[carry][int(_PLACES[place % 8][int(digit)])])
    return carry == 0


def payment_card(digits: str) -> bool:
    """Whether digits are a card number: an issuer's range with its length, and the check digit."""
    return len(digits) in _card_lengths(digits) and luhn(digits)


_FIFTEEN_TO_NINETEEN = (16, 17, 18, 19)
_MAESTRO_LENGTHS = (12, 13, 14, 15, 16, 17, 18, 19)


def _card_lengths(digits: str) -> tuple[int, ...]:
    """Lengths that issuers use for numbers that begin so (ISO/IEC 7812 ranges as the schemes publish them); empty where
    no card does."""
    two, three, four = digits[:2], digits[:3], digits[:4]
    if digits[0] == "4":
        return (13, 16, 19)
    if "51" <= two <= "55" or "2221" <= four <= "2720":  # Mastercard
        return (16,)
    if two in ("34", "37"):  # American Express
        return (15,)
    if two in ("36", "38", "39") or "300" <= three <= "305":  # Diners Club
        return (14, 16, 19)
    if four in ("2131", "1800"):  # JCB before it joined the common numbering
        return (15,)
    if four == "6011" or two == "65" or "644" <= three <= "649" or "3528" <= four <= "3589":  # Discover, JCB
        return _FIFTEEN_TO_NINETEEN
    if "2200" <= four <= "2204" or two == "62":  # Mir, UnionPay
        return _FIFTEEN_TO_NINETEEN
    if two == "50" or "56" <= two <= "58" or four in _MAESTRO or two == "67":
        return _MAESTRO_LENGTHS
    return (16,) if two in ("60", "81", "82") else ()  # RuPay


_MAESTRO = frozenset({"6304", "6390", "6759", "6761", "6762", "6763", "6702", "6706", "6709", "6771", "6220"})


def routing_number(digits: str) -> bool:
    """Whether nine digits are a routing number of the American Bankers Association: a Federal Reserve range and the
    weights 3, 7, 1."""
    district = int(digits[:2])
    issued = district <= 12 or 21 <= district <= 32 or 61 <= district <= 72 or district == 80
    return issued and digits != "000000000" and weighted(digits, (3, 7, 1) * 3) % 10 == 0


_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", "123456781234579234567890123456789", strict=False))


def vehicle(number: str) -> bool:
    """Whether 17 signs are a vehicle identification number with the check digit of 49 CFR 565.15."""
    if any(sign not in _VIN_VALUES for sign in number) or number.isdigit() or number.isalpha():
        return False
    total = sum(int(_VIN_VALUES[sign]) * weight for sign, weight in zip(number, _VIN_WEIGHTS, strict=True))
    return number[8] == "0123456789X"[total % 11]
