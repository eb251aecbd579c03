"""Rules for numbers that states give to persons, each with its real check digits.

A rule stands alone where a random number of its shape passes at most one time in a hundred, or where its shape is its
own (letters, a century sign, a fixed prefix); the others need a word beside them that says what they are.
"""

from __future__ import annotations

from assay.detect import national_europe as europe
from assay.detect import national_world as world
from assay.detect.rules import Check, Rule
from assay.detect.rules_numbers import DIGITS
from assay.records.findings import Basis

KIND = "national_id"


def _rule(
    rule_id: str,
    shape: str,
    check: Check,
    found: tuple[str, ...],
    passed: tuple[str, ...],
    *,
    needs: bool = False,
    confirms: bool = True,
    score: float = 0.0,
    starts: str = DIGITS,
    compact: bool = True,
    words: tuple[str, ...] = (),
    version: int = 1,
) -> Rule:
    return Rule(
        rule_id, KIND, shape if shape.endswith(r"\)") else shape + r"\b",
        score or (0.8 if needs else 0.92), found, passed,
        starts=starts, check=check, basis=_basis(confirms, needs), compact=compact,
        context=words if needs and words else (*words, "person_id"), needs=needs, version=version,
    )  # fmt: skip


def _basis(confirms: bool, needs: bool) -> Basis:
    if confirms:
        return Basis.CHECKED
    return Basis.CONTEXT if needs else Basis.SHAPE


_UNITED = (
    _rule("us_ssn", "[0-9]{3}-[0-9]{2}-[0-9]{4}", world.us_ssn,
          ("SSN «123-45-6789»", "His number is «514-69-0360».", "(«853-37-1694»)"),
          ("000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "123-45-67890", "078-05-1120"),
          confirms=False, score=0.85, words=("us_ssn",), version=2),
    _rule("us_ssn", "[0-9]{3} [0-9]{2} [0-9]{4}", world.us_ssn,
          ("or «123 45 6789»",), ("123-45 6789", "000 12 3456"),
          confirms=False, score=0.7, words=("us_ssn",), version=2),
    _rule("us_ssn", "[0-9]{9}", world.us_ssn,
          ("SSN: «123456789»", "social security number «514690360»"), ("123456789", "SSN 000456789"),
          needs=True, confirms=False, score=0.7, words=("us_ssn",), version=2),
    _rule("us_itin", "9[0-9]{2}[- ][0-9]{2}[- ][0-9]{4}", world.us_itin,
          ("ITIN «912-72-1234»",), ("912-69-1234", "812-72-1234"), confirms=False, score=0.8),
    _rule("ca_sin", "[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}", world.ca_sin,
          ("SIN: «130 692 544»", "social insurance number «130-692-544»"), ("130 692 544", "SIN: 130 692 545"),
          needs=True, words=("ca_sin",)),
    _rule("uk_nino", "[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z] ?"
          "[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]", europe.uk_nino,
          ("NI «AB 12 34 56 C»", "«JG103759A»"), ("BG123456A", "QQ123456C", "AB123456E"),
          confirms=False, score=0.8, starts=""),
    _rule("uk_nhs", "[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{4}", europe.uk_nhs,
          ("NHS number «943 476 5919»", "NHS: «9434765919»"), ("943 476 5919", "NHS number 943 476 5918"),
          needs=True, words=("uk_nhs",)),
    _rule("ie_pps", "[0-9]{7}[A-Wa-w][A-IWa-iw]?", europe.ie_pps,
          ("PPS «1234567T»", "«1234567FA»"), ("1234567S", "123456T"), starts=""),
)  # fmt: skip
_WEST = (
    _rule("de_tax_id", "[1-9][0-9](?:[0-9]{9}| [0-9]{3} [0-9]{3} [0-9]{3})", europe.de_tax_id,
          ("Steuer-ID «86095742719»", "IdNr. «86 095 742 719»"), ("86095742719", "Steuer-ID 86095742718"),
          needs=True, words=("de_tax_id",)),
    _rule("de_pension", "[0-9]{2} ?[0-9]{6} ?[A-Za-z] ?[0-9]{3}", europe.de_pension,
          ("RVNR «65170839J003»", "«65 170839 J 003»"), ("65170839J004", "65990839J003"), starts=""),
    _rule("fr_nir", "[1-478] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[ABab]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", europe.fr_nir,
          ("NIR «2 55 08 14 168 025 38»", "«255081416802538»"), ("255081416802539", "955081416802538"),
          words=("fr_nir",), starts="[1-478] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[ABab]) ?[0-9]{3}"),
    _rule("es_dni", "[0-9]{8}-?[A-Za-z]", europe.es_dni,
          ("DNI «12345678Z»", "«12345678-Z»"), ("12345678A", "1234567Z"), starts="", words=("es_dni",)),
    _rule("es_nie", "[XYZxyz]-?[0-9]{7}-?[A-Za-z]", europe.es_dni,
          ("NIE «X1234567L»", "«Y-1234567-X»"), ("X1234567A", "A1234567L"), starts="", words=("es_dni",)),
    _rule("pt_nif", "[0-9]{3} ?[0-9]{3} ?[0-9]{3}", europe.pt_nif,
          ("NIF «123456789»", "contribuinte n.º «123 456 789»"), ("123456789", "NIF 123456780"),
          needs=True, words=("pt_nif",)),
    _rule("it_fiscal_code", "[A-Za-z]{6}[0-9LMNP-Vlmnp-v]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9LMNP-Vlmnp-v]{2}"
          "[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]", europe.it_fiscal_code,
          ("codice fiscale «RSSMRA85T10A562S»", "«rssmra85t10a562s»"), ("RSSMRA85T10A562T",), starts=""),
    _rule("nl_bsn", r"[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}".join(("(?:", ")")), europe.nl_bsn,
          ("BSN «111222333»", "burgerservicenummer: «1112.22.333»"), ("111222333", "BSN 111222334"),
          needs=True, words=("nl_bsn",)),
    _rule("be_national", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}[- ][0-9]{3}[.-][0-9]{2}", europe.be_national,
          ("NN «85.07.30-033.28»",), ("85.07.30-033.29", "85.13.30-033.28")),
    _rule("be_national", "[0-9]{11}", europe.be_national,
          ("national number «85073003328»",), ("85073003328", "national number 85073003329"), needs=True),
    _rule("ch_ahv", r"756(?:\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}|[0-9]{10})", europe.ch_ahv,
          ("AHV «756.9217.0769.85»", "«7569217076985»"), ("756.9217.0769.84", "757.9217.0769.85")),
    _rule("at_insurance", "[0-9]{4} [0-9]{6}", europe.at_insurance,
          ("SVNR «1237 010180»",), ("1238 010180", "1237 320180")),
    _rule("at_insurance", "[0-9]{10}", europe.at_insurance,
          ("Sozialversicherungsnummer «1237010180»",), ("1237010180",), needs=True),
)  # fmt: skip
_NORTH = (
    _rule("se_personal", "(?:19|20)?[0-9]{6}[-+][0-9]{4}", europe.se_personal,
          ("«811218-9876»", "personnummer «19811218-9876»"), ("811218-9875", "811318-9876")),
    _rule("fi_hetu", "[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", europe.fi_hetu,
          ("HETU «131052-308T»", "«131052-308T»."), ("131052-308U", "321052-308T"), starts="", compact=False),
    _rule("dk_cpr", "[0-9]{6}-?[0-9]{4}", europe.dk_cpr,
          ("CPR «211062-5629»",), ("211062-5629", "CPR 321362-5629"),
          needs=True, confirms=False, score=0.7, words=("dk_cpr",)),
    _rule("no_birth", "[0-9]{6} ?[0-9]{5}", europe.no_birth,
          ("fødselsnummer «01010750160»", "«010107 50160»"), ("01010750161", "41410750160")),
    _rule("is_kennitala", "[0-9]{6}-?[0-9]{4}", europe.is_kennitala,
          ("kennitala «120174-3399»",), ("120174-3389", "321374-3399")),
    _rule("baltic", "[1-6][0-9]{10}", europe.baltic,
          ("isikukood «37605030299»", "asmens kodas «33309240064»"), ("37605030298", "37613030299")),
    _rule("lv_personal", "[0-9]{6}-[0-9]{5}", europe.lv_personal,
          ("personas kods «161175-19997»",), ("161175-19998", "161375-19997")),
)  # fmt: skip
_EAST = (
    _rule("pl_pesel", "[0-9]{11}", europe.pl_pesel,
          ("PESEL «44051401359»",), ("44051401359", "PESEL 44051401358"), needs=True, words=("pl_pesel",)),
    _rule("cz_birth", "[0-9]{6}/[0-9]{3,4}", europe.cz_birth,
          ("rodné číslo «736028/5163»",), ("736028/5164", "739928/5163")),
    _rule("ro_cnp", "[1-9][0-9]{12}", europe.ro_cnp,
          ("CNP «1630615123457»",), ("1630615123458", "1631315123457")),
    _rule("bg_egn", "[0-9]{10}", europe.bg_egn,
          ("ЕГН «7523169263»", "EGN «7523169263»"), ("7523169263", "EGN 7523169264"), needs=True, words=("bg_egn",)),
    _rule("gr_amka", "[0-9]{11}", europe.gr_amka,
          ("ΑΜΚΑ «01013099997»",), ("01013099998", "01133099997")),
    _rule("hu_taj", "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", europe.hu_taj,
          ("TAJ «111 111 110»",), ("111 111 110", "TAJ 111 111 111"), needs=True, words=("hu_taj",)),
    _rule("hr_oib", "[0-9]{11}", europe.hr_oib,
          ("OIB: «33392005961»",), ("33392005961", "OIB: 33392005962"), needs=True, words=("hr_oib",)),
    _rule("yu_jmbg", "[0-9]{13}", europe.yu_jmbg,
          ("JMBG «0101006500006»", "EMŠO «0101006500006»"), ("0101006500007", "3213006500006")),
    _rule("ua_tax", "[0-9]{10}", europe.ua_tax,
          ("РНОКПП «1759013776»",), ("1759013776", "РНОКПП 1759013777"), needs=True, words=("ua_tax",)),
    _rule("ru_snils", "[0-9]{3}-[0-9]{3}-[0-9]{3} [0-9]{2}", europe.ru_snils,
          ("СНИЛС «112-233-445 95»",), ("112-233-445 96",)),
    _rule("ru_inn", "[0-9]{12}", europe.ru_inn,
          ("ИНН «500100732259»",), ("500100732259", "ИНН 500100732258"), needs=True, words=("ru_inn",)),
    _rule("tr_identity", "[1-9][0-9]{10}", europe.tr_identity,
          ("T.C. kimlik no «10000000146»",), ("10000000146", "kimlik 10000000147"), needs=True, words=("tr_identity",)),
)  # fmt: skip
_AMERICAS = (
    _rule("mx_curp", "[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]", world.mx_curp,
          ("CURP «BOXW310820HNERXN09»",), ("BOXW310820HNERXN08", "BOXW311320HNERXN09"), starts=""),
    _rule("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", world.br_cpf,
          ("CPF «390.533.447-05»",), ("390.533.447-06", "111.111.111-11"), words=("br_cpf",)),
    _rule("br_cpf", "[0-9]{11}", world.br_cpf,
          ("CPF «39053344705»",), ("39053344705", "CPF 39053344706"), needs=True, words=("br_cpf",)),
    _rule("cl_rut", r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", world.cl_rut,
          ("RUT «12.531.909-2»",), ("12.531.909-3",), starts=""),
    _rule("ar_cuil", "[0-9]{2}-[0-9]{8}-[0-9]", world.ar_cuil,
          ("CUIL «20-05536168-2»",), ("20-05536168-3", "33-05536168-2")),
)  # fmt: skip
_ASIA = (
    _rule("in_aadhaar", "[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", world.in_aadhaar,
          ("Aadhaar «2341 2341 2346»", "UIDAI «234123412346»"), ("2341 2341 2346", "Aadhaar 2341 2341 2347"),
          needs=True, words=("in_aadhaar",)),
    _rule("in_pan", "[A-Z]{3}[ABCFGHLJPT][A-Z][0-9]{4}[A-Z]", world.in_pan,
          ("PAN «ABCPE1234F»",), ("ABCXE1234F", "ABCPE123F"), confirms=False, score=0.7, starts=""),
    _rule("cn_resident", "[1-9][0-9]{16}[0-9Xx]", world.cn_resident,
          ("身份证 «11010519491231002X»",), ("110105194912310021", "11010519491331002X")),
    _rule("kr_resident", "[0-9]{6}-[1-8][0-9]{6}", world.kr_resident,
          ("주민등록번호 «970301-1234560»",), ("970301-1234561", "971301-1234560")),
    _rule("jp_my_number", "[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", world.jp_my_number,
          ("マイナンバー «1234 5678 9018»", "My Number: «123456789018»"), ("123456789018", "My Number 123456789019"),
          needs=True, words=("jp_my_number",)),
    _rule("sg_nric", "[STFGMstfgm][0-9]{7}[A-Za-z]", world.sg_nric,
          ("NRIC «S1234567D»",), ("S1234567A", "A1234567D"), starts=""),
    _rule("hk_identity", r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", world.hk_identity,
          ("HKID «A123456(3)»",), ("A123456(4)", "A1234563"), starts=""),
    _rule("tw_identity", "[A-Z][1289][0-9]{8}", world.tw_identity,
          ("ID «A123456789»",), ("A123456789", "ID A123456788"), needs=True, starts="", words=("tw_identity",)),
    _rule("th_identity", "[1-8]-?[0-9]{4}-?[0-9]{5}-?[0-9]{2}-?[0-9]", world.th_identity,
          ("Thai ID «1-2345-67890-12-1»",), ("Thai ID 1-2345-67890-12-2", "1234567890121"),
          needs=True, words=("th_identity",)),
    _rule("my_identity", "[0-9]{6}-[0-9]{2}-[0-9]{4}", world.my_identity,
          ("NRIC «770305-02-1234»",), ("NRIC 771305-02-1234", "770305-02-1234"),
          needs=True, confirms=False, score=0.7, words=("my_identity",)),
    _rule("il_identity", "[0-9]{9}", world.il_identity,
          ("Teudat Zehut «039337423»",), ("039337423", "Teudat Zehut 039337424"),
          needs=True, words=("il_identity",)),
)  # fmt: skip
_SOUTH = (
    _rule("au_tfn", "[0-9]{3} ?[0-9]{3} ?[0-9]{2,3}", world.au_tfn,
          ("TFN «123 456 782»",), ("123 456 782", "TFN 123 456 783"), needs=True, words=("au_tfn",)),
    _rule("au_medicare", "[2-6][0-9]{3} ?[0-9]{5} ?[0-9]", world.au_medicare,
          ("Medicare «2123 45670 1»",), ("2123 45670 1", "Medicare 2123 45671 1"),
          needs=True, words=("au_medicare",)),
    _rule("nz_ird", "[0-9]{2,3}-?[0-9]{3}-?[0-9]{3}", world.nz_ird,
          ("IRD «49-091-850»", "IRD number «136410132»"), ("49-091-850", "IRD 49-091-851"),
          needs=True, words=("nz_ird",)),
    _rule("za_identity", "[0-9]{6} ?[0-9]{4} ?[0-9]{3}", world.za_identity,
          ("ID «8001015009087»", "«800101 5009 087»"), ("8001015009088", "8013015009087")),
)  # fmt: skip

RULES = (*_UNITED, *_WEST, *_NORTH, *_EAST, *_AMERICAS, *_ASIA, *_SOUTH)
