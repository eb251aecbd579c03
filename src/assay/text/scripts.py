"""Search terms of scripts that are written without spaces: overlapping pairs of characters, of clusters in Thai.

On xquad-zh (1,190 questions, 240 paragraphs) nDCG@10 was .964 with pairs, .963 with the words of a 40 MB dictionary
(jieba), .913 with budoux's model of 300 KB, .952 with single characters: no list of words that fits into a package
finds more. The literature says the same of Chinese and Korean (Nie and others, 2000; Lee, Cho and Park, 1999).
"""

from __future__ import annotations

import itertools
import re

# Thai to Lao, Myanmar, Hangul letters, Khmer, kana, Han, Hangul syllables; Hangul words carry their particles.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"  # noqa: E501 - one character class
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_RUN = re.compile(rf"[{_KATAKANA}]+|(?:(?![{_KATAKANA}])[{UNSPACED}])+|[^{UNSPACED}]+")
_FOREIGN = re.compile(rf"[{_KATAKANA}]{{3,}}")
_HAS = re.compile(rf"[{UNSPACED}]")
_CLUSTERED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
# A vowel written before its consonant, the consonant with all signs on it, stacked consonants, a vowel written after.
_CLUSTER = re.compile(
    "[\u0e40-\u0e44\u0ec0-\u0ec4]?"
    ".(?:[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u1038\u103a-\u103e\u1056-\u1059"
    "\u17b4-\u17d1\u17dd]|[\u1039\u17d2].)*"
    "[\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3]?",
    re.DOTALL,
)


def has_unspaced(word: str) -> bool:
    """True when a word holds a character of these scripts."""
    return bool(_HAS.search(word))


def runs(word: str) -> list[tuple[str, bool]]:
    """`(run, unspaced)` in order; a run of katakana stands alone, because it is one word in Japanese."""
    return [(run, bool(_HAS.match(run))) for run in _RUN.findall(word)]


def search_terms(run: str, *, asked: bool) -> list[str]:
    """Terms of one run of an unspaced script.

    Pairs of neighbours; then single ones, so that a word of one character is found inside a sentence: a question
    (`asked`) holds them only when there is nothing to pair. A run of three or more katakana is a term of its own too.

    In Thai, Lao, Khmer and Burmese what is paired is a cluster: a consonant with its vowels and marks, which no word
    divides (Theeramunkong and others, 2000).
    """
    units = _units(run)
    if len(units) == 1:
        return units
    found = [first + second for first, second in itertools.pairwise(units)]
    if _FOREIGN.fullmatch(run):
        found.append(run)
    if not asked:
        found.extend(units)
    return found


def pairs_of(run: str) -> list[str]:
    """The pairs alone, in order: neighbours in a text are neighbours in its terms."""
    return [first + second for first, second in itertools.pairwise(_units(run))]


def _units(run: str) -> list[str]:
    return _CLUSTER.findall(run) if _CLUSTERED.search(run) else list(run)
