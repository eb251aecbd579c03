"""Rules for where a person lives: street addresses as several languages write them, boxes, post codes."""

from __future__ import annotations

from assay.detect import spans
from assay.detect.rules import Rule
from assay.records.findings import Basis

# Kinds of street as they stand after or before a name, and as the end of one word in Germanic and Finnic languages.
_AFTER = (
    "Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway"
    "|Pkwy|Highway|Hwy|Circle|Cir|Crescent|Cres|Close|Grove|Gardens|Mews|Row|Walk|Hill|Trail|Trl|Alley|Plaza|Quay|Loop"
    "|Pike|Turnpike"
)
_BEFORE = (
    r"Rue|Avenue|Av\.|Boulevard|Bd|Chemin|Allée|Impasse|Quai|Calle|C/|Avenida|Avda\.|Paseo|Plaza|Camino|Carrer|Via|Viale"
    r"|Piazza|Corso|Vicolo|Largo|Rua|Travessa|Praça|Estrada|ul\.|Ulica|al\.|Strada|Calea|Bulevardul|Jalan|Jl\.|ул\."
)
_FRENCH = "rue|avenue|boulevard|chemin|allée|impasse|quai|cours|place"
_JOINED = (
    r"straße|strasse|str\.|weg|gasse|platz|allee|damm|ufer|straat|laan|plein|gracht|kade|gata|gatan|vägen|gränd|vej|gade"
    r"|vei|veien|gate|katu|tie|kuja|polku|Straße|Strasse|Weg|Gasse|Platz|Allee|utca|út|tér"
)
_SIGN = r"[^\s0-9,;:()\[\]{}<>\"|/*_=]"
_NAME = _SIGN + "{1,30}"
_CAPITAL = r"(?:[A-Z]|[\xc3-\xd4][\x80-\xbf])"
_WORD = rf"{_CAPITAL}{_SIGN}{{0,30}}"
_FLAT = r"(?:,? (?:(?i:apt|apartment|suite|ste|unit|flat|floor|room|bldg)\.? ?#? ?[0-9A-Za-z-]{1,6}|#[0-9]{1,5}))?"

_ADDRESS_REACH = 192

RULES = (
    Rule(
        "address", "address",
        rf"[0-9]{{1,5}}[A-Za-z]?(?:[-/][0-9]{{1,4}})? (?:[NSEW]\.? )?(?:{_WORD} ){{1,4}}(?:{_AFTER})\b\.?{_FLAT}", 0.65,
        ("at «221B Baker Street», London", "«1600 Pennsylvania Ave»", "«12 Old Mill Rd., Apt 4B»"),
        ("3 days on the Street", "5 people in St", "10 Downing"), reach=_ADDRESS_REACH,
        starts=rf"[0-9]{{1,5}}[A-Za-z]?(?:[-/][0-9]{{1,4}})? (?:[NSEW]\.? )?{_CAPITAL}",
    ),
    Rule(
        "address", "address", rf"(?:{_BEFORE}) (?:{_NAME} ){{1,5}}(?:n[^a-z0-9 ]{{1,3}} ?)?[0-9]{{1,5}}[A-Za-z]?\b",
        0.6,
        ("in «Rua do Arenque 1634»", "«Via Roma 12», Milano", "«Calle Mayor 5»"), ("Via Roma", "Rue 5", "ul. 7"),
        reach=_ADDRESS_REACH, starts=rf"(?:{_BEFORE}) {_SIGN}",
    ),
    Rule(
        "address", "address",
        rf"[0-9]{{1,4}}(?: ?bis| ?ter|[A-Z])?,? (?:{_FRENCH}) (?:(?:de|du|des|la|le|les|l'|d')? ?{_WORD}[ ]?){{1,3}}",
        0.6,
        ("au «12 rue de Rivoli», Paris", "«3 bis avenue Foch»"), ("12 avenues", "3 place of"), reach=_ADDRESS_REACH,
    ),
    Rule(
        "address", "address",
        rf"(?:{_JOINED}) [0-9]{{1,4}}(?: ?[A-Za-z])?\b", 0.6,
        ("wohnt «Hauptstraße 12»", "«Koskikatu 25»", "«Prinsengracht 263»"),
        ("hauptweg", "Weg 12", "Monday 12", "the strasse 12"), at_word=False, extent=spans.joined_street,
    ),
    Rule(
        "address", "address",
        r"(?i:p\.? ?o\.? ?box|postfach|boîte postale|apartado|psc) ?#?[0-9]{1,6}(?:,? (?i:box) [0-9]{1,6})?"
        r"(?:,?\s[ADF]PO A[AEP] [0-9]{5})?\b", 0.55,
        ("to «P.O. Box 1234»", "«PSC 0413, Box 8144»"), ("box 12", "pobox"), reach=80,
    ),
    Rule(
        "postal_code", "postal_code",
        r"(?i:zip(?:[ -]?codes?)?|post(?:al)?[ -]?codes?|postleitzahl|plz|code postal|código postal|cap|postnummer"
        r"|postinumero|psč)(?i:\W{0,3}(?:\b(?:is|number|no)\b\W{0,3})?)"
        r"([0-9]{3,5}(?:[- ][0-9]{2,4})?|[A-Z]{1,2}-?[0-9]{4,5})\b", 0.7,
        ("my zip code is «35350»", "ZIP: «3520»", "PLZ «10115»"), ("35350", "zip file 12"), basis=Basis.CONTEXT,
    ),
    Rule(
        "postal_code", "postal_code",
        r"(?:GIR 0AA|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9]|[A-HK-Y][0-9][0-9ABEHMNPRV-Y]|[0-9][A-HJKPS-UW])"
        r" [0-9][ABD-HJLNP-UW-Z]{2})\b", 0.6,
        ("London «SW1A 1AA»", "«M1 1AE» Manchester"), ("SW1A 1CI", "AB 12"),
    ),
    Rule(
        "postal_code", "postal_code", r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] [0-9][ABCEGHJ-NPRSTV-Z][0-9]\b", 0.6,
        ("Ottawa «K1A 0B1»",), ("D1A 0B1", "K1A 0O1"),
    ),
    Rule(
        "postal_code", "postal_code",
        r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]"
        r"|W[AIVY]) ([0-9]{5}(?:-[0-9]{4})?)\b", 0.6,
        ("Springfield, IL «62704»", "CA «94105-1234»"), ("XX 62704", "IN 2024"),
    ),
)  # fmt: skip
