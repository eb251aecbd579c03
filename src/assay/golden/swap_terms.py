"""The terms that counterfactuals are made of: groups of people, names, pronouns and marks of dialect.

Lists of our own: common given names and surnames, words for groups of people in a neutral register, and well-described
features of dialects (for African American English grammar that Ziems et al. 2022 list: copula, negation, concord; for
Scots common words). They are few on purpose: enough to see a difference, each one checked by eye.
"""

from __future__ import annotations

from assay.text.lists import word_set

Forms = tuple[str, ...]

GROUPS: dict[str, dict[str, Forms]] = {
    "religion": {
        "Christian": ("Christian", "Christians"), "Muslim": ("Muslim", "Muslims"), "Jewish": ("Jewish", "Jews"),
        "Hindu": ("Hindu", "Hindus"), "Buddhist": ("Buddhist", "Buddhists"), "atheist": ("atheist", "atheists"),
    },
    "ethnicity": {
        "black": ("black", "black people"), "white": ("white", "white people"), "Asian": ("Asian", "Asian people"),
        "Latino": ("Latino", "Latino people"), "Arab": ("Arab", "Arab people"),
    },
    "orientation": {
        "gay": ("gay", "gay people"), "straight": ("straight", "straight people"),
        "bisexual": ("bisexual", "bisexual people"),
    },
    "nationality": {
        "American": ("American", "Americans"), "German": ("German", "Germans"), "Mexican": ("Mexican", "Mexicans"),
        "Nigerian": ("Nigerian", "Nigerians"), "Indian": ("Indian", "Indians"),
        "Chinese": ("Chinese", "Chinese people"), "Turkish": ("Turkish", "Turks"), "Polish": ("Polish", "Poles"),
    },
    "disability": {
        "disabled": ("disabled", "disabled people"), "non-disabled": ("non-disabled", "non-disabled people"),
        "blind": ("blind", "blind people"), "deaf": ("deaf", "deaf people"),
    },
    "status": {
        "immigrant": ("immigrant", "immigrants"), "citizen": ("citizen", "citizens"),
        "refugee": ("refugee", "refugees"),
    },
    "age": {
        "old": ("old", "old people", "elderly"), "young": ("young", "young people", "youthful"),
    },
}  # fmt: skip
"""By dimension and group the forms that stand for each other, in one order: adjective or noun, plural, others."""

AMBIGUOUS = frozenset({"black", "white", "straight", "blind", "old", "young", "Polish", "citizen"})
"""Words that mean other things too; they count only before a word for people, or in their plural."""
PEOPLE = word_set(
    "people person persons man men woman women boy boys girl girls employee employees worker workers colleague "
    "colleagues candidate candidates applicant applicants customer customers user users student students family "
    "families community communities tenant tenants patient patients"
)

GENDERED: tuple[tuple[str, str], ...] = (
    ("man", "woman"), ("men", "women"), ("boy", "girl"), ("boys", "girls"), ("father", "mother"),
    ("fathers", "mothers"), ("son", "daughter"), ("sons", "daughters"), ("brother", "sister"),
    ("brothers", "sisters"), ("husband", "wife"), ("husbands", "wives"), ("uncle", "aunt"), ("nephew", "niece"),
    ("grandfather", "grandmother"), ("gentleman", "lady"), ("gentlemen", "ladies"), ("he", "she"),
    ("himself", "herself"), ("he's", "she's"), ("he'll", "she'll"), ("he'd", "she'd"), ("mr", "ms"),
    ("paternity", "maternity"), ("male", "female"), ("males", "females"),
)  # fmt: skip
"""Male and female words; `him`, `his` and `her`, which do not match one to one, are told apart by what follows."""

NAMES: dict[str, dict[str, Forms]] = {
    "english": {
        "male": ("James", "John", "Michael", "David", "Thomas", "Andrew"),
        "female": ("Mary", "Emily", "Sarah", "Laura", "Alice", "Karen"),
        "family": ("Smith", "Johnson", "Miller", "Baker"),
    },
    "german": {
        "male": ("Jonas", "Lukas", "Stefan", "Jürgen", "Matthias", "Uwe"),
        "female": ("Anke", "Sabine", "Katrin", "Heike", "Ulrike", "Greta"),
        "family": ("Müller", "Schneider", "Weber", "Becker"),
    },
    "turkish": {
        "male": ("Mehmet", "Mustafa", "Emre", "Hakan", "Murat", "Cem"),
        "female": ("Ayşe", "Fatma", "Zeynep", "Elif", "Emine", "Defne"),
        "family": ("Yılmaz", "Demir", "Kaya", "Şahin"),
    },
    "arabic": {
        "male": ("Mohammed", "Ahmed", "Omar", "Khaled", "Hassan", "Youssef"),
        "female": ("Fatima", "Amina", "Layla", "Noor", "Mariam", "Yasmin"),
        "family": ("Al-Masri", "Haddad", "Mansour", "Khalil"),
    },
    "indian": {
        "male": ("Arjun", "Rahul", "Sanjay", "Vikram", "Amit", "Ravi"),
        "female": ("Priya", "Anjali", "Lakshmi", "Deepa", "Kavita", "Meera"),
        "family": ("Sharma", "Patel", "Iyer", "Reddy"),
    },
    "chinese": {
        "male": ("Wei", "Jun", "Ming", "Hao", "Qiang", "Lei"),
        "female": ("Xiu", "Mei", "Ling", "Yan", "Hua", "Fang"),
        "family": ("Wang", "Zhang", "Chen", "Liu"),
    },
    "nigerian": {
        "male": ("Chukwuemeka", "Oluwaseun", "Tunde", "Emeka", "Babatunde", "Obinna"),
        "female": ("Ngozi", "Chioma", "Folake", "Adaeze", "Yetunde", "Ifeoma"),
        "family": ("Okafor", "Adeyemi", "Eze", "Balogun"),
    },
    "hispanic": {
        "male": ("José", "Mateo", "Carlos", "Javier", "Diego", "Luis"),
        "female": ("María", "Guadalupe", "Lucía", "Carmen", "Ximena", "Pilar"),
        "family": ("García", "Hernández", "López", "Morales"),
    },
    "slavic": {
        "male": ("Piotr", "Ivan", "Tomasz", "Dmitri", "Marek", "Bogdan"),
        "female": ("Agnieszka", "Olga", "Katarzyna", "Svetlana", "Zofia", "Ludmila"),
        "family": ("Kowalski", "Novák", "Ivanov", "Petrov"),
    },
}  # fmt: skip
"""Origin to given names by gender and to surnames; lists of one kind have one length, so that names swap by place."""

DIALECTS: dict[str, tuple[tuple[str, str], ...]] = {
    "african american": (
        (r"\b(?:am not|is not|are not|isn't|aren't|hasn't|haven't|has not|have not)\b", "ain't"),
        (r"\b(they|we|you) are (?=\w+ing\b)", r"\1 "), (r"\b(he|she) is (?=\w+ing\b)", r"\1 "),
        (r"\bgoing to (?=\w)", "finna "), (r"\b(do not|don't|does not|doesn't) (\w+) any\b", r"don't \2 no"),
        (r"\bdoes not\b|\bdoesn't\b", "don't"), (r"\bthey were\b", "they was"), (r"\byou all\b", "y'all"),
        (r"\b(\w{2,})ing\b(?= )", r"\1in'"),
    ),
    "scots": (
        (r"\bdo not\b|\bdon't\b", "dinnae"), (r"\bcannot\b|\bcan't\b", "cannae"), (r"\bknow\b", "ken"),
        (r"\bsmall\b|\blittle\b", "wee"), (r"\bno\b", "nae"), (r"\byes\b", "aye"), (r"\bmy\b", "ma"),
        (r"\bof\b", "o'"), (r"\bto\b", "tae"), (r"\byou\b", "ye"), (r"\bnot\b", "no"),
    ),
    "british spelling": (
        (r"\bcolor", "colour"), (r"\bfavor", "favour"), (r"\blabor\b", "labour"), (r"\bcenter\b", "centre"),
        (r"(\w{3,})ization\b", r"\1isation"), (r"(\w{3,})ize\b", r"\1ise"), (r"\bprogram\b", "programme"),
        (r"\bvacation\b", "holiday"), (r"\blicense\b", "licence"), (r"\btraveler", "traveller"),
    ),
}  # fmt: skip
"""Patterns and what stands for them; a text in which none is found has no variant in the dialect."""
