"""Words that tell what the number beside them is, in the languages of the rules."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Any

_LINK = 200
_BREAKS = b" \t\r\n.,;:()[]"
BEFORE, AFTER = 72, 28
"""Bytes before and after a candidate in which such a word counts."""

# Each is RE2 over UTF-8, case of ASCII letters ignored; `_` joins words in names of fields, so it ends a word here.
WORDS = MappingProxyType(
    {
        "phone": r"(?:tele)?phones?|tel|telefon\w*"
        r"|t(?:e|é)l(?:e|é)phone|telefoon|telef(?:on|ono|ón|one)|fon|mobile?s?|cell(?:ular|phone)?"
        r"|fax(?:es)?|handy|m(?:o|ó)vil|celular|cellulare|portable|gsm|puh|puhelin|tlf|mob|landline|hotline|helpline"
        r"|call(?:ed|s|ing)?|dial(?:l?ed|ing)?|ring|rang|sms|text(?:ed|ing)?|whatsapp|signal|voicemail|pager|contacts?"
        r"|reach(?:ed|able)?|office|desk|ph|extension|ext|numéro|rufnummer"
        r"|anruf\w*|телефон|тел"
        r"|電話|电话|手机|phone_?number",
        "card": r"(?:credit|debit|payment|bank)? ?cards?|visa|mastercard|amex|cc|pan|maestro|carte|karte"
        r"|tarjeta|carta|cart(?:a|ã)o",
        "person_id": r"(?:national|personal|identity|identification|citizen\w*|resident|tax(?:payer)?|social"
        r"|insurance|fiscal)"
        r"|ssn|tin|itin|id|identit\w+|ident|steuer\w*|ausweis\w*|identifiant|dni|documento|codice"
        r"|sozialversicherung\w*",
        "us_ssn": r"ssn|ssns|social security|soc ?sec|itin|taxpayer",
        "uk_nhs": r"nhs|patient",
        "de_tax_id": r"steuer\w*|idnr|tin|tax|identifikationsnummer",
        "nl_bsn": r"bsn|burgerservice\w*|sofi\w*|sofinummer",
        "pl_pesel": r"pesel",
        "pt_nif": r"nif|contribuinte|fiscal",
        "dk_cpr": r"cpr|personnummer",
        "bg_egn": r"egn|егн|ЕГН",
        "hu_taj": r"taj",
        "hr_oib": r"oib",
        "tr_identity": r"tckn|t\.?c\.?|kimlik",
        "ua_tax": r"рнокпп|РНОКПП|іпн|ІПН|rnokpp|inn|tax",
        "ru_inn": r"инн|ИНН|inn|tax",
        "jp_my_number": r"my ?number|mynumber|マイナンバー|個人番号",
        "in_aadhaar": r"aadha?ar|uidai|uid|आधार",
        "tw_identity": r"national|identity|id|身分證",
        "th_identity": r"thai|id|identity|citizen|เลข",
        "my_identity": r"nric|mykad|ic|kad",
        "au_tfn": r"tfn|tax file",
        "au_medicare": r"medicare",
        "nz_ird": r"ird|inland revenue",
        "ca_sin": r"sin|nas|social insurance|assurance sociale",
        "il_identity": r"teudat|zehut|israeli?|ת\.?ז|זהות",
        "br_cpf": r"cpf|cadastro|contribuinte",
        "fr_nir": r"nir|s(?:e|é)curit(?:e|é) sociale|insee|s(?:e|é)cu",
        "es_dni": r"dni|nif|nie|documento",
        "birth": r"born|birth\w*|dob|d\.o\.b|bday|geboren|geb|geburts\w*|geburtsdatum|n(?:e|é)e?|naissance|nacid[oa]"
        r"|nacimiento|nat[oa]|nascita|nascid[oa]|nascimento|geboortedatum|f(?:o|ö)dd?|f(?:o|ø)dt|f(?:o"
        r"|ø)dselsdato|syntyn\w+|urodz\w+|data urodzenia"
        r"|рожд\w*|narozen\w*|született|n[aá]scut\w*|doğum|誕生日|生年月日|出生",
        "account": r"acc(?:oun)?t|account number|konto\w*|compte|cuenta|conto|conta|rekening\w*|a/c|iban",
        "routing": r"routing|aba|rtn|transit|ach|fedwire|wire",
        "sort_code": r"sort ?code|sortcode|sort-code",
        "swift": r"swift|bic|bic/swift|swift-code",
        "imei": r"imei\w*|handset|device",
        "vehicle": r"vin|chassis|vehicle|fahrgestell\w*|car",
        "version": r"version|ver|v|release|build|section|chapter|rev",
        "other": r"order|invoice|isbn|issn|ticket|case|ref(?:erence)?|version|page|pages|tracking|serial|sku"
        r"|item|part|model"
        r"|rechnung\w*|bestell\w*|auftrag\w*|facture|commande|pedido|factura|bug|issue|build|commit|po|zip"
        r"|postal|postcode",
    }
)


def _pattern(words: str) -> bytes:
    return rf"(?i)(?:^|[^0-9A-Za-z\x80-\xff])(?:{words})(?:$|[^0-9A-Za-z\x80-\xff])".encode()


def latin(*, groups: bool = True) -> Any:
    """RE2 options under which a pattern and a text are bytes; UTF-8 is matched byte by byte.

    Without `groups` a match is one span and the automaton alone gives it: with them a second engine runs, which took
    three times as long.
    """
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.never_capture = not groups
    options.max_mem = 64 << 20
    return options


@cache
def _word(group: str) -> Any:
    import re2

    return re2.compile(_pattern(WORDS[group]), latin(groups=False))._regexp.Match


def words_before(data: bytes, start: int) -> bytes:
    """What stands before a place, without the part of a word that the window cuts."""
    if start <= BEFORE:
        return data[:start]
    window = data[start - BEFORE : start]
    return window if data[start - BEFORE - 1] in _BREAKS else b" " + window.partition(b" ")[2]


def words_after(data: bytes, end: int) -> bytes:
    """What stands after a place in its line, without the part of a word that the window cuts."""
    window, line_end, _ = data[end : end + AFTER].partition(b"\n")
    return window if line_end or end + AFTER >= len(data) else window.rpartition(b" ")[0] + b" "


def inside_link(data: bytes, start: int) -> bool:
    """Whether a place stands in a link: numbers there are identifiers, whatever the words around are about."""
    before = data[max(start - _LINK, 0) : start]
    return b"://" in before and b"://" in before.rsplit(None, 1)[-1] and not before[-1:].isspace()


class Surroundings:
    """Finds which groups of words stand beside a place in a text."""

    def __init__(self, groups: frozenset[str]) -> None:
        import re2

        self._groups = tuple(sorted(groups))
        together = re2.Set.SearchSet(latin())
        for group in self._groups:
            together.Add(_pattern(WORDS[group]))
        together.Compile()
        self._which = together._set.Match

    def groups(self, around: bytes) -> frozenset[str]:
        """Groups with a word in `around`."""
        return frozenset([self._groups[number] for number in self._which(around)])

    @staticmethod
    def distance(before: bytes, groups: tuple[str, ...]) -> int:
        """Bytes from the end of the nearest word of these groups to the end of `before`; its length where none is."""
        import re2

        nearest = end = len(before)
        for group in groups:
            match, at = _word(group), 0
            while (found := match(re2._Anchor.UNANCHORED, before, at, end)[0])[0] >= 0:
                nearest = min(nearest, end - found[1])
                at = max(found[1] - 1, found[0] + 1)  # the sign that ends a word may begin the next one
        return nearest
