"""Checks one sentence against the text it cites, and finds the span of a passage that supports a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.assist.addresses import calls_a_tool, names_sources, only_cited_addresses
from assay.records.dialogue import Check, CheckStatus
from assay.records.documents import Chunk, Span
from assay.text.names import names
from assay.text.negation import is_cue, polarity
from assay.text.normalise import comparable
from assay.text.numbers import number_keys, quantities
from assay.text.sentences import after_marks, sentence_spans
from assay.text.tokens import is_stop_word, stem, tokens, words

WITHHOLD = "withhold"
MARK = "mark"
_LONGEST_RUN = 3
"""No generated sentence leans on more sentences of one passage than this."""
_TIES = 20
"""At most so many equally close sentences are asked whether they agree, so that checking stays linear."""
_EXTRA_SENTENCE = 0.08
"""What each further sentence of a supporting span must add in alignment, so that spans stay short."""
_INNER_STOP = re.compile(r"[.!?…]\s")
_LEAST_PIECE = 4
"""With fewer content words a part between full stops is an abbreviation or an aside."""
_LEAST_OF_ONE = 0.75
"""A sentence that joins two sources has about half of its words from each, and those that both share."""
_LEAST_SUPPORT = 0.2
"""Below this share of shared words a passage is not what the sentence came from."""


@dataclass(frozen=True, slots=True)
class VerifyPolicy:
    """When a sentence counts as supported, and what happens to one that does not.

    `min_alignment` is the least share of the sentence's content words that the cited text must hold, 0 to 1;
    `on_failure` is `withhold` or `mark`.
    """

    min_alignment: float = 0.6
    on_failure: str = WITHHOLD
    max_added: int = 3
    """So many content words in a row may be the model's own; more are what an order puts behind a true sentence."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_alignment <= 1.0:
            raise ValueError(f"min_alignment is a share, not {self.min_alignment}")
        if self.on_failure not in (WITHHOLD, MARK):
            raise ValueError(f"on_failure is {WITHHOLD} or {MARK}, not {self.on_failure}")

    @property
    def recipe(self) -> str:
        return f"overlap_check.v3(min_alignment={self.min_alignment}, on_failure={self.on_failure})"


def check_sentence(
    sentence: str, cited_texts: Sequence[str], policy: VerifyPolicy | None = None, language: str = "en"
) -> Check:
    """Whether the cited texts bear the sentence out: words, numbers, names and denials.

    Whole sentences quoted from a citation always pass. Failures have stable names: `no_citation`, `alignment`
    (too few shared content words), `number` and `name` (one that no cited text holds), `negation` (one side denies
    what the other states), `address` (one that no cited text holds whole), `call` (of a tool),
    `source_list` (a list of sources that is not Assay's), `addition` (a stretch of content words in a
    row that no cited text holds, as an order has them that was put behind a true sentence).

    Known limits. This compares words, not meanings: a faithful paraphrase in other words can fail, a false sentence
    in the source's own words can pass (roles swapped, another subject with the same words), and a sentence in another
    language than its source fails. Word overlap with the cited sentence separated supported from unsupported
    sentences with an area under the curve between .61 (ExpertQA) and .92 (retrieval-augmented answers).
    """
    policy = policy or VerifyPolicy()
    if not cited_texts:
        return Check(CheckStatus.UNSUPPORTED, 0.0, ("no_citation",))
    if any(quotes_whole_sentences(sentence, cited) for cited in cited_texts):
        return Check(CheckStatus.SUPPORTED, 1.0)
    alignment = _alignment(sentence, cited_texts, language)
    checks = (
        ("alignment", alignment >= policy.min_alignment and _each_aligned(sentence, cited_texts, policy, language)),
        ("alignment", _leans_on_one(sentence, cited_texts, policy, language)),
        ("number", _numbers_stand(sentence, cited_texts, language)),
        ("name", _names_stand(sentence, cited_texts, language)),
        ("negation", _denials_agree(sentence, cited_texts, language)),
        ("call", not calls_a_tool(sentence)),
        ("source_list", not names_sources(sentence, cited_texts)),
        ("address", only_cited_addresses(sentence, cited_texts)),
        ("addition", _longest_addition(sentence, cited_texts, language) <= policy.max_added),
    )
    failures = tuple(dict.fromkeys(name for name, passed in checks if not passed))
    return Check(CheckStatus.UNSUPPORTED if failures else CheckStatus.SUPPORTED, alignment, failures)


def quotes_whole_sentences(sentence: str, cited: str) -> bool:
    """True when the sentence is, but for white space and list marks, a run of whole sentences of the cited text."""
    wanted = _bare(sentence)
    if not wanted:
        return False
    pieces = [comparable(cited[start:end]) for start, end in sentence_spans(cited)]
    return any(
        _spells(wanted, pieces, first, keep_marks) for first in range(len(pieces)) for keep_marks in (False, True)
    )


def _spells(wanted: str, pieces: Sequence[str], first: int, keep_marks: bool) -> bool:
    """True when `wanted` is pieces[first] and those after it, without list marks or with those inside kept."""
    joined = ""
    for piece in pieces[first:]:
        shown = piece if keep_marks and joined else piece[after_marks(piece) :]
        joined = f"{joined} {shown}".strip()
        if joined == wanted:
            return True
        if not wanted.startswith(joined):
            return False
    return False


def _bare(text: str) -> str:
    plain = comparable(text)
    return plain[after_marks(plain) :]


def _content(text: str, language: str) -> list[str]:
    found = (token.text for token in tokens(text))
    return [stem(word, language) for word in found if not is_stop_word(word, language) and not is_cue(word)]


def _alignment(sentence: str, cited_texts: Sequence[str], language: str) -> float:
    """Share of the sentence's content stems that any cited text holds; of all its words when none carries a topic."""
    wanted = _content(sentence, language) or list(words(sentence))
    held = {stem(word, language) for cited in cited_texts for word in words(cited)}
    return sum(word in held for word in wanted) / len(wanted) if wanted else 0.0


def _leans_on_one(sentence: str, cited_texts: Sequence[str], policy: VerifyPolicy, language: str) -> bool:
    """True when one cited text alone holds a good part of the sentence: the words of many together hold anything."""
    least = _LEAST_OF_ONE * policy.min_alignment
    return len(cited_texts) < 2 or any(_alignment(sentence, [cited], language) >= least for cited in cited_texts)


def _each_aligned(sentence: str, cited_texts: Sequence[str], policy: VerifyPolicy, language: str) -> bool:
    """True when each part that a full stop sets apart is borne out by itself: what follows in lower case is joined to
    the sentence before it, and a long true one would bear out anything."""
    pieces = [piece for piece in _INNER_STOP.split(sentence) if len(_content(piece, language)) >= _LEAST_PIECE]
    return len(pieces) < 2 or all(_alignment(piece, cited_texts, language) >= policy.min_alignment for piece in pieces)


def _longest_addition(sentence: str, cited_texts: Sequence[str], language: str) -> int:
    """Most content words in a row that no cited text holds."""
    held = {stem(word, language) for cited in cited_texts for word in words(cited)}
    longest = run = 0
    for word in _content(sentence, language):
        run = 0 if word in held else run + 1
        longest = max(longest, run)
    return longest


def _numbers_stand(sentence: str, cited_texts: Sequence[str], language: str) -> bool:
    needed = {quantity.key for quantity in quantities(sentence, language) if not quantity.weak}
    return not needed or needed <= frozenset[str]().union(*(number_keys(cited, language) for cited in cited_texts))


def _names_stand(sentence: str, cited_texts: Sequence[str], language: str) -> bool:
    found = names(sentence, language)
    if not found:
        return True
    held = {word for cited in cited_texts for word in words(cited)}
    held |= {stem(word, language) for word in held}
    for name in found:
        parts = words(name.text)
        for part in parts[1:] if name.opens and len(parts) > 1 else parts:
            if not is_stop_word(part, language) and part not in held and stem(part, language) not in held:
                return False
    return True


def _denials_agree(sentence: str, cited_texts: Sequence[str], language: str) -> bool:
    """False when the sentence denies more often than what it leans on, or leaves out a denial of what it states."""
    ours = polarity(sentence, language)
    stated = set(_content(sentence, language))
    candidates = [
        (len(stated.intersection(_content(piece, language))), piece)
        for cited in cited_texts
        for piece in (cited[start:end] for start, end in sentence_spans(cited))
    ]
    best = max((shared for shared, _ in candidates), default=0)
    leaders = [piece for shared, piece in candidates if shared == best]
    agree = False
    for piece in leaders[:_TIES]:
        theirs = polarity(piece, language)
        left_out = ours.cues < theirs.cues and any(
            stated.issuperset(reached[:2]) and not any(reached[0] in mine for mine in ours.denied)
            for reached in theirs.denied
            if reached
        )
        agree = agree or (ours.cues <= theirs.cues and not left_out)
    return agree or (not leaders and ours.cues == 0)


def align(sentence: str, passage: Chunk) -> Span | None:
    """The shortest run of whole sentences of the passage that holds most of the sentence's content words.

    Offsets count in the document's text copy. None when the passage shares too little with the sentence.
    """
    language = passage.language or "en"
    wanted = frozenset(_content(sentence, language) or words(sentence))
    spans = sentence_spans(passage.text, language)
    held = [wanted.intersection(stem(word, language) for word in words(passage.text[a:b])) for a, b in spans]
    best, chosen = _LEAST_SUPPORT, None
    for first in range(len(spans)):
        together: frozenset[str] = frozenset()
        for last in range(first, min(first + _LONGEST_RUN, len(spans))):
            together |= held[last]
            value = len(together) / max(1, len(wanted)) - _EXTRA_SENTENCE * (last - first)
            if value > best:
                best, chosen = value, (spans[first][0], spans[last][1])
    if chosen is None:
        return None
    return Span(passage.doc_id, passage.text_sha256, passage.start + chosen[0], passage.start + chosen[1])
