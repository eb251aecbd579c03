"""Do the citations point at the gold evidence, and do they cover it: after ALCE (Gao et al., 2023), without a model.

Where the gold evidence has a quote, a citation hits it when both quotes come from the same document and overlap; where
it names a document only, any citation of that document hits it.
"""

from __future__ import annotations

from assay.assist.verify import check_sentence
from assay.evaluate.wording import overlaps, stands_in
from assay.records.dialogue import AnswerSentence, CheckStatus, Citation, Reply
from assay.records.evaluation import Unscored
from assay.records.golden import Case, Evidence


def hits(citation: Citation, evidence: Evidence) -> bool:
    """True when the citation stands where the evidence stands."""
    if evidence.doc_id not in (citation.span.doc_id, *citation.also):
        return False
    return not evidence.quote or overlaps(citation.quote, evidence.quote)


def unique_citations(reply: Reply) -> tuple[Citation, ...]:
    """The citations of all shown sentences, each span once."""
    return tuple({citation.span: citation for citation in reply.citations}.values())


def citation_precision(case: Case, reply: Reply) -> float:
    """The share of cited spans that hit gold evidence, 0 to 1."""
    cited = unique_citations(reply)
    return sum(any(hits(citation, e) for e in case.expected.evidence) for citation in cited) / len(cited)


def citation_recall(case: Case, reply: Reply) -> float:
    """The share of gold evidence that at least one citation hits, 0 to 1; 0 for an answer without citations."""
    cited, evidence = unique_citations(reply), case.expected.evidence
    return sum(any(hits(citation, e) for citation in cited) for e in evidence) / len(evidence)


def answer_in_evidence(case: Case, reply: Reply) -> float:
    """1 when a gold answer stands, word for word, inside a cited quote."""
    quotes = [citation.quote for citation in unique_citations(reply)]
    return float(any(stands_in(answer, quote) for answer in case.expected.answers for quote in quotes))


def groundedness(_case: Case, reply: Reply) -> float | Unscored:
    """The share of shown sentences with a claim whose check against their cited spans succeeded, 0 to 1."""
    claims = [s.check.status for s in reply.sentences if s.check.status is not CheckStatus.NOT_CHECKED]
    if not claims:
        return Unscored("no_claims")
    return claims.count(CheckStatus.SUPPORTED) / len(claims)


def restricted_leak(case: Case, reply: Reply) -> float:
    """1 when a document that an unanswerable case names as evidence, one this caller may not see, was used or cited."""
    hidden = {evidence.doc_id for evidence in case.expected.evidence}
    seen = {doc_id for p in reply.passages for doc_id in (p.span.doc_id, *p.also)}
    seen |= {doc_id for c in reply.citations for doc_id in (c.span.doc_id, *c.also)}
    return float(not hidden.isdisjoint(seen))


def alce_recall(_case: Case, reply: Reply) -> float:
    """The share of shown sentences that their citations, taken together, bear out, 0 to 1 (ALCE, section 4).

    ALCE asks a model for entailment; here `check_sentence` compares words, numbers, names and denials.
    """
    return sum(_entailed(sentence, sentence.citations) for sentence in reply.sentences) / len(reply.sentences)


def alce_precision(_case: Case, reply: Reply) -> float:
    """The share of citations that are needed, 0 to 1 (ALCE): their sentence is borne out by its citations, and the
    citation bears it out alone or the others do not without it."""
    needed = cited = 0
    for sentence in reply.sentences:
        whole = _entailed(sentence, sentence.citations)
        for at, citation in enumerate(sentence.citations):
            others = sentence.citations[:at] + sentence.citations[at + 1 :]
            cited += 1
            needed += whole and (_entailed(sentence, (citation,)) or not _entailed(sentence, others))
    return needed / cited


def _entailed(sentence: AnswerSentence, citations: tuple[Citation, ...]) -> bool:
    quotes = [citation.quote for citation in citations]
    return bool(quotes) and check_sentence(sentence.text, quotes).status is CheckStatus.SUPPORTED
