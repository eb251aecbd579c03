"""Words by which English sentences are taken apart into a question and its answer."""

from __future__ import annotations

from assay.text.lists import word_set

PLACEHOLDERS = ("{%", "%}", "{{", "http:", "https:", "www.", "|", "<", ">", "`", "_", "\n\n", "=", "[", "]", "…", "...")
"""Marks of markup, code and links: no sentence of prose."""

UNCLEAR = word_set(
    "this these those it they them he she him his hers here above below following follows previous former latter such "
    "same another others likewise also however therefore otherwise instead former aforementioned thereof herein hereby "
    "it's that's they're there's he's she's they'll they've respectively next earlier later former i me my mine"
)
"""A question with one of these points at a text that whoever is asked does not see."""

NO_SUBJECT = word_set(
    "if when while as in for to after before because since although though once unless with by from at on during under "
    "where whether and but or so then also however note please there here this these those it they he she i what who "
    "how why which that let for until upon instead finally next first second third lastly additionally furthermore "
    "moreover sometimes often usually generally typically currently ideally today yes no not only even just otherwise "
    "thus hence still remember make be do go see use ensure keep give take get try set add ask check one many"
)
"""A sentence that begins so, or with a verb, has no subject that a template could turn round."""

MODALS = ("must", "should", "can", "cannot", "may", "will", "shall", "could", "would", "might")
BES = ("is", "are", "was", "were")

TAKES_OBJECT = {
    "supports": "support", "requires": "require", "contains": "contain", "includes": "include", "provides": "provide",
    "uses": "use", "returns": "return", "creates": "create", "offers": "offer", "accepts": "accept",
    "defaults to": "default to", "depends on": "depend on", "consists of": "consist of", "covers": "cover",
    "stores": "store", "collects": "collect", "measures": "measure", "represents": "represent", "owns": "own",
    "maintains": "maintain", "manages": "manage", "describes": "describe", "specifies": "specify",
    "determines": "determine", "controls": "control", "tracks": "track", "aims to": "aim to",
    "applies to": "apply to", "refers to": "refer to", "stands for": "stand for", "means": "mean",
}  # fmt: skip
"""Verbs whose object answers "what does it …?"."""

PEOPLE = word_set(
    "team teams manager managers lead leads director directors officer officers engineer engineers supervisor "
    "supervisors admin admins administrator administrators owner owners staff employee employees user users customer "
    "customers council committee board department group office member members people person partner partners agency "
    "ceo cto cfo vp head chief president representative coordinator developer developers reviewer reviewers author "
    "authors maintainer maintainers teammate teammates everyone anyone company counsel hr"
)
"""Who, and not what, does it."""

PLACED = "located|stored|documented|available|found|tracked|published|kept|hosted|listed|posted|recorded|described"

UNITS = (
    "seconds? minutes? hours? days? weeks? months? quarters? years? percent people members characters words times "
    "bytes tokens requests files pages users employees business\\ days? working\\ days? calendar\\ days? "
    "engineers steps levels questions interviews reviewers approvals attempts points"
).replace("\\ ", "~")

NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|sixty|ninety"

MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
)
