"""A guess at the language of a question, from its small words alone."""

from __future__ import annotations

from assay.text.tokens import STOP_WORDS, words


def likely_language(text: str, default: str = "en") -> str:
    """The language whose small words the text has most of, among those with a list; `default` on a tie or none.

    Meant for questions of a few words, where statistical identification is weakest. Text in Chinese characters or
    kana is `zh` or `ja`.
    """
    if any("\u3040" <= char <= "\u30ff" for char in text):
        return "ja"
    if any("\u4e00" <= char <= "\u9fff" for char in text):
        return "zh"
    found = words(text)
    counts = {language: sum(word in listed for word in found) for language, listed in STOP_WORDS.items()}
    best = max(counts.values())
    leaders = [language for language, count in counts.items() if count == best]
    return leaders[0] if len(leaders) == 1 else default
