"""Check digits of the numbers that states outside Europe give to persons.

Each function takes the number without separators, in capitals.
"""

from __future__ import annotations

from assay.detect.checksums import luhn, verhoeff, weighted
from assay.detect.dates import a_day, ymd

_SIGNS = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def us_ssn(number: str) -> bool:
    """Numbers that the administration could have given out: no area 000, 666 or 9xx, no zero group or serial; those
    that it names as never valid (its advertisement and a wallet's insert) are out."""
    area = number[:3]
    issued = area not in ("000", "666") and area < "900" and number[3:5] != "00" and number[5:] != "0000"
    return issued and number not in ("078051120", "219099999")


def us_itin(number: str) -> bool:
    """Area 9xx and the groups that the Internal Revenue Service gives out (Publication 1915)."""
    group = int(number[3:5])
    return number[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def ca_sin(number: str) -> bool:
    """Luhn; 0 is never given out and 8 is for businesses."""
    return number[0] not in "08" and luhn(number)


def mx_curp(number: str) -> bool:
    """Instructivo normativo of RENAPO: weights 18 to 2, date of birth, sign that tells the century."""
    century = 1900 if number[16].isdigit() else 2000
    day = a_day(century + int(number[4:6]), int(number[6:8]), int(number[8:10]))
    total = sum(_SIGNS.index(sign) * weight for sign, weight in zip(number[:17], range(18, 1, -1), strict=True))
    return day and (10 - total % 10) % 10 == int(number[17])


def br_cpf(number: str) -> bool:
    """Two modulus 11 digits; eleven equal digits pass them and are not given out."""
    first = weighted(number[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(number[:10], range(11, 1, -1)) * 10 % 11 % 10
    return len(set(number)) > 1 and f"{first}{second}" == number[9:11]


def cl_rut(number: str) -> bool:
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(number[:-1])))
    return "0K987654321"[total % 11] == number[-1]


def ar_cuil(number: str) -> bool:
    """A person's begins with 20, 23, 24 or 27."""
    check = 11 - weighted(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return number[:2] in ("20", "23", "24", "27") and check != 10 and check % 11 == int(number[10])


def in_aadhaar(number: str) -> bool:
    """Verhoeff; the first digit is 2 to 9 (UIDAI)."""
    return number[0] not in "01" and verhoeff(number) and number != number[::-1]


def cn_resident(number: str) -> bool:
    """GB 11643: ISO 7064 MOD 11-2 over region, date and serial."""
    day = a_day(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return day and number[0] in "12345689" and "10X98765432"[weighted(number[:17], weights) % 11] == number[17]


def kr_resident(number: str) -> bool:
    """Date, sign of sex and century, check digit; those given out since October 2020 have none, so only the date and
    the seventh digit count for births from 2020."""
    check = (11 - weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    recent = number[6] in "3478" and int(number[:2]) >= 20
    return ymd(number[:6]) and (recent or check == int(number[12]))


def jp_my_number(number: str) -> bool:
    """Ordinance 85 of 2014 of the Ministry of Internal Affairs, article 5."""
    remainder = weighted(number[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return int(number[11]) == (0 if remainder <= 1 else 11 - remainder)


def sg_nric(number: str) -> bool:
    total = weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2))
    first = number[0]
    if first in "ST":
        return "JZIHGFEDCBA"[(total + (4 if first == "T" else 0)) % 11] == number[8]
    if first in "FG":
        return "XWUTRQPNMLK"[(total + (4 if first == "G" else 0)) % 11] == number[8]
    return "KLJNPQRTUWX"[10 - (total + 3) % 11] == number[8]


def hk_identity(number: str) -> bool:
    """One or two letters, six digits, check sign A for ten."""
    letters = number[:-7].rjust(2)
    values = [36 if sign == " " else ord(sign) - 55 for sign in letters] + [int(sign) for sign in number[-7:-1]]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if number[-1] == "A" else int(number[-1]))) % 11 == 0


def tw_identity(number: str) -> bool:
    """The letter counts as a number of two digits."""
    letter = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0])
    return (letter // 10 + letter % 10 * 9 + weighted(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def th_identity(number: str) -> bool:
    return number[0] != "0" and (11 - weighted(number[:12], range(13, 1, -1)) % 11) % 10 == int(number[12])


def my_identity(number: str) -> bool:
    """Only the date can be checked, and the place of birth is none of those left out."""
    return ymd(number[:6]) and number[6:8] not in ("00", "17", "18", "19", "20", "69", "70", "73", "80", "81", "94")


def au_tfn(number: str) -> bool:
    """Modulus 11 over eight or nine digits."""
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(number) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return weighted(number, weights) % 11 == 0 and len(set(number)) > 1


def au_medicare(number: str) -> bool:
    """Ten or eleven digits; the ninth checks the first eight."""
    return number[0] in "23456" and weighted(number[:8], (1, 3, 7, 9) * 2) % 10 == int(number[8])


def nz_ird(number: str) -> bool:
    """Eight or nine digits in the range given out; a second set of weights where the first leaves ten."""
    if not 10_000_000 < int(number) < 200_000_000:
        return False
    body, check = number[:-1].rjust(8, "0"), int(number[-1])
    for weights in ((3, 2, 7, 6, 5, 4, 3, 2), (7, 4, 3, 2, 5, 2, 7, 6)):
        remainder = -weighted(body, weights) % 11
        if remainder < 10:
            return remainder == check
    return False


def za_identity(number: str) -> bool:
    """Date, sex, citizenship 0 to 2, Luhn."""
    return ymd(number[:6]) and number[10] in "012" and luhn(number)


def il_identity(number: str) -> bool:
    return luhn(number) and number != "000000000"


def in_pan(number: str) -> bool:
    """The fourth letter tells the kind of holder."""
    return number[3] in "ABCFGHLJPT"
