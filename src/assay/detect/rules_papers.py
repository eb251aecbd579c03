"""Rules for papers and dates of a person: passport, driving licence, date of birth."""

from __future__ import annotations

from assay.detect.dates import written
from assay.detect.rules import Rule
from assay.records.findings import Basis

_TELLS = (
    r"(?i:\W{0,3}(?:\b(?:no|nr|num|number|nummer|numero|n[^a-z0-9 ]{1,3}|id|card|is|code|num[^a-z0-9]{1,3}ro|holder)\b"
    r"\W{0,4}){0,4})"
)
_PASSPORT = "(?i:passports?|passeport|reisepass|pasaporte|passaporto|paspoort|paszport|passaporte|pasaport)"
_LICENCE = (
    r"(?i:driv(?:er|ing)(?:'s|s|’s)?[ _-]?licen[cs]es?|driver[ _]lic|\bDL|permis de conduire|f(?:ü|ue)hrerschein\w{0,8}"
    r"|permiso de conducir|patente di guida|rijbewijs\w{0,8}|k(?:ö|o)rkort\w{0,8}|prawo jazdy)"
)
_LICENCE_NUMBER = (
    r"(?:[A-Za-z]{1,3}[- ]?)?[0-9][0-9A-Za-z]{2,4}[- ]?[0-9]{2,6}(?:[- ]?[0-9A-Z]{1,6}){0,3}"
    r"|[A-Za-z]{1,5}[0-9]{5,16}[A-Za-z0-9]{0,5}"
)
_MONTH = (
    r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july|august|september"
    r"|october|november|december|januar|februar|m(?:ä|ae)rz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril"
    r"|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
    r"|septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|januari|februari|maart|mei|augustus|desember|maj)"
)
_DATE = (
    r"(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.] ?[0-9]{1,2}[-/.] ?(?:[0-9]{4}|[0-9]{2})"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?\.?(?: of| de)?[ -]{_MONTH}\.?,?(?: de)?[ -][0-9]{{4}}"
    rf"|{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}})\b"
)

RULES = (
    Rule(
        "passport", "identity_paper",
        rf"{_PASSPORT}{_TELLS}([A-Za-z]{{0,3}}[0-9]{{6,9}}[A-Za-z]?|[A-Z][0-9A-Z]{{5,8}}[0-9])\b", 0.75,
        ("Passport number: «X12345678»", "passport no. «123456789»", "Reisepass Nr. «C01X00T47»"),
        ("X12345678", "passport office 2024", "passport validity six months", "passport CONTROL"),
        reach=112, basis=Basis.CONTEXT,
    ),
    Rule(
        "driver_licence", "identity_paper", rf"{_LICENCE}{_TELLS}({_LICENCE_NUMBER})\b", 0.7,
        ("driver's license number is «F162823540116»", "Driver's license: «2270-66-1551»",
         "driving licence no «6940579»"),
        ("F162823540116", "driver's license renewal in 2024", "driving licence needed"), reach=128, basis=Basis.CONTEXT,
    ),
    Rule(
        "driver_licence", "identity_paper",
        r"[A-Z9]{5}[0-9](?:0[1-9]|1[0-2]|5[1-9]|6[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9](?:99|[A-Z][A-Z9])[2-9][A-Z]{2}\b",

        0.9, ("licence «MORGA753116SM9IJ»",), ("MORGA773116SM9IJ", "MORGA753116SM9I"),
    ),
    Rule(
        "birth_date", "birth_date", _DATE, 0.85,
        ("born on «12 March 1980»", "DOB: «03/04/1975»", "geboren am «1.2.1990»", "Date of birth «1980-01-31»",
         "née le «3 avril 1962»", "Born «May 5, 1971» in"),
        ("12 March 1980", "born on 45/45/1990", "released 2026-01-15"), check=written, basis=Basis.CONTEXT,
        context=("birth",), needs=True,
    ),
    Rule(
        "date", "date", _DATE, 0.4,
        ("on «12 March 1980» we", "«1978-04-13» 12:20:39", "due «2/8/1935»"), ("45/45/1990", "1.2.3", "in 1977"),
        check=written,
    ),
)  # fmt: skip
