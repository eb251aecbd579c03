"""Check digits of the numbers that European states give to persons.

Each function takes the number without separators, in capitals. Where a state publishes no page in a stable place, the
rule is the one of the OECD's tax identification number pages or of the European Commission's TIN portal.
"""

from __future__ import annotations

from assay.detect.checksums import luhn, mod11_10, weighted
from assay.detect.dates import a_day, a_short_day, dmy, ymd

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_IRISH = "WABCDEFGHIJKLMNOPQRSTUV"


def uk_nino(number: str) -> bool:
    """Prefixes that His Majesty's Revenue and Customs gives out (National Insurance Manual NIM39110)."""
    prefix = number[:2]
    taken = prefix in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    return not taken and prefix[0] not in "DFIQUV" and prefix[1] not in "DFIOQUV" and number[-1] in "ABCD"


def uk_nhs(number: str) -> bool:
    """Modulus 11 with weights 10 to 2 (NHS Data Dictionary)."""
    check = 11 - weighted(number[:9], range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(number[9]) and number != "0000000000"


def de_tax_id(number: str) -> bool:
    """ISO 7064 MOD 11,10; among the first ten digits one stands twice or three times, the others once at most."""
    counts = sorted(number[:10].count(digit) for digit in set(number[:10]))
    repeated = counts[-1] in (2, 3) and counts[-2] == 1 and number[0] != "0"
    return repeated and not _thrice_in_a_row(number[:10]) and mod11_10(number)


def _thrice_in_a_row(digits: str) -> bool:
    return any(digits[at] == digits[at + 1] == digits[at + 2] for at in range(len(digits) - 2))


def de_pension(number: str) -> bool:
    """The insurance number of the German pension fund: area, date, letter, serial, check digit (VKVV § 4)."""
    letter = f"{ord(number[8]) - 64:02d}"
    digits = number[:8] + letter + number[9:11]
    total = sum(
        sum(divmod(int(digit) * weight, 10))
        for digit, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return dmy(number[2:8]) and total % 10 == int(number[11])


def fr_nir(number: str) -> bool:
    """Thirteen signs and 97 minus their remainder; Corsica's 2A and 2B count as 19 and 18 (INSEE)."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    month = int(number[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - int(body) % 97 == int(number[13:15])


def es_dni(number: str) -> bool:
    """Remainder by 23 chooses the letter; X, Y and Z of a foreigner's number count as 0, 1 and 2."""
    return _DNI[int(number[:-1].translate({88: "0", 89: "1", 90: "2"})) % 23] == number[-1]


_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
    22, 25, 24, 23,
), strict=True))  # fmt: skip


def it_fiscal_code(number: str) -> bool:
    """Control letter of the decree of 23 December 1976; letters that stand for digits in doubled codes count."""
    total = sum(_ODD[sign] for sign in number[0:15:2])
    total += sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in number[1:15:2])
    return chr(65 + total % 26) == number[15]


def nl_bsn(number: str) -> bool:
    """The eleven test."""
    return weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and number != "000000000"


def be_national(number: str) -> bool:
    """97 minus the remainder of the first nine digits, with a 2 before them for births from 2000."""
    day = a_short_day(int(number[:2]), int(number[2:4]) % 20 or 1, int(number[4:6]) or 1)
    check = int(number[9:11])
    return day and check in (97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97)


def pl_pesel(number: str) -> bool:
    """Weights 1, 3, 7, 9; the century stands in the month."""
    century, month = divmod(int(number[2:4]), 20)
    year = (1900, 2000, 2100, 2200, 1800)[century] + int(number[:2])
    check = 10 - weighted(number[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    return a_day(year, month, int(number[4:6])) and check % 10 == int(number[10])


def pt_nif(number: str) -> bool:
    """Modulus 11 with weights 9 to 2; a person's begins with 1, 2, 3 or 45."""
    check = 11 - weighted(number[:8], range(9, 1, -1)) % 11
    return (number[0] in "123" or number[:2] == "45") and (0 if check > 9 else check) == int(number[8])


def se_personal(number: str) -> bool:
    """Ten digits with Luhn; sixty is added to the day of a coordination number."""
    ten = number[-10:]
    day = int(ten[4:6])
    return a_short_day(int(ten[:2]), int(ten[2:4]), day - 60 if day > 60 else day) and luhn(ten)


def fi_hetu(number: str) -> bool:
    """Remainder by 31 of the nine digits chooses the last sign; `number` keeps its century sign."""
    return dmy(number[:6]) and _HETU[int(number[:6] + number[7:10]) % 31] == number[10]


def dk_cpr(number: str) -> bool:
    """Only the date can be checked: since 2007 numbers are given out without the modulus 11 digit."""
    return dmy(number[:6])


def no_birth(number: str) -> bool:
    """Two modulus 11 digits; forty is added to the day of a D-number, 40 or 80 to the month of test numbers."""
    day, month = int(number[:2]), int(number[2:4]) % 40
    if not a_short_day(int(number[4:6]), month, day - 40 if day > 40 else day):
        return False
    first = weighted(number[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    return first == 0 and weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_kennitala(number: str) -> bool:
    """Modulus 11 digit in the ninth place, century in the tenth."""
    total = weighted(number[:9], (3, 2, 7, 6, 5, 4, 3, 2, 1))
    return dmy(number[:6]) and total % 11 == 0 and number[9] in "890"


def ch_ahv(number: str) -> bool:
    """EAN-13 after the country's 756."""
    return number[:3] == "756" and weighted(number, (1, 3) * 7) % 10 == 0


def at_insurance(number: str) -> bool:
    """Check digit in the fourth place, then the date."""
    check = weighted(number, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    return number[0] != "0" and check == int(number[3]) and 1 <= int(number[4:6]) <= 31 and 1 <= int(number[6:8]) <= 15


def ie_pps(number: str) -> bool:
    """Remainder by 23 of seven digits and, since 2013, of the second letter, which counts nine times."""
    second = number[8:9]
    total = weighted(number[:7], range(8, 1, -1)) + (9 * (ord(second) - 64) if second and second != "W" else 0)
    return _IRISH[total % 23] == number[7]


def cz_birth(number: str) -> bool:
    """Divisible by eleven since 1954; fifty is added to the month of women, twenty where a day's numbers run out."""
    month = int(number[2:4]) % 50
    day = a_short_day(int(number[:2]), month - 20 if month > 20 else month, int(number[4:6]))
    if len(number) == 9:
        return day and number[6:] != "000" and int(number[:2]) < 54
    return day and (int(number) % 11 == 0 or (int(number[:9]) % 11 == 10 and number[9] == "0"))


def ro_cnp(number: str) -> bool:
    """Thirteen digits, modulus 11 with 279146358279."""
    check = weighted(number[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return number[0] != "0" and ymd(number[1:7]) and int(number[12]) == (1 if check == 10 else check)


def bg_egn(number: str) -> bool:
    """Twenty or forty is added to the month by century."""
    day = a_short_day(int(number[:2]), int(number[2:4]) % 20, int(number[4:6])) and int(number[2:4]) <= 52
    return day and weighted(number[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(number[9])


def gr_amka(number: str) -> bool:
    return dmy(number[:6]) and luhn(number)


def hu_taj(number: str) -> bool:
    return weighted(number[:8], (3, 7) * 4) % 10 == int(number[8])


def hr_oib(number: str) -> bool:
    return mod11_10(number)


def baltic(number: str) -> bool:
    """Estonia and Lithuania: weights 1 to 9, 1; where the remainder is ten, 3 to 9, 1, 2, 3."""
    if number[0] not in "123456" or not ymd(number[1:7]):
        return False
    check = weighted(number[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(number[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == int(number[10])


def lv_personal(number: str) -> bool:
    """The old form, with a date."""
    total = 1 + weighted(number[:10], (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))
    return dmy(number[:6]) and total % 11 % 10 == int(number[10])


def yu_jmbg(number: str) -> bool:
    """Slovenia, Croatia, Serbia, Bosnia, Montenegro and North Macedonia: date with three digits of the year."""
    year = int(number[4:7])
    day = a_day(year + (1000 if year > 800 else 2000), int(number[2:4]), int(number[:2]))
    check = 11 - weighted(number[:12], (7, 6, 5, 4, 3, 2) * 2) % 11
    return day and (0 if check > 9 else check) == int(number[12])


def ua_tax(number: str) -> bool:
    return weighted(number[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(number[9])


def ru_snils(number: str) -> bool:
    return weighted(number[:9], range(9, 0, -1)) % 101 % 100 == int(number[9:11])


def ru_inn(number: str) -> bool:
    """Twelve digits of a person."""
    eleventh = weighted(number[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    twelfth = weighted(number[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return f"{eleventh}{twelfth}" == number[10:12]


def tr_identity(number: str) -> bool:
    """Two check digits (Nüfus ve Vatandaşlık İşleri)."""
    odd, even = sum(map(int, number[0:9:2])), sum(map(int, number[1:8:2]))
    tenth = (odd * 7 - even) % 10
    return number[0] != "0" and tenth == int(number[9]) and (odd + even + tenth) % 10 == int(number[10])
