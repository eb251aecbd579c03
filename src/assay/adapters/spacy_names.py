"""Names of persons, organisations and places by a spaCy pipeline; the extra `names`, with a model that the user chose.

Nothing is downloaded: the model is an installed package or a folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from assay.detect.address_blocks import RULE as ADDRESS
from assay.detect.address_blocks import with_blocks
from assay.detect.registry import chosen
from assay.detect.scanning import merged, scan
from assay.records.errors import ConfigError
from assay.records.findings import Basis, Finding

PERSON, ORGANISATION, PLACE, GROUP = "person_name", "organisation", "place_name", "nationality_or_group"
LABELS: Mapping[str, str] = {
    "PERSON": PERSON, "PER": PERSON, "ORG": ORGANISATION, "GPE": PLACE, "LOC": PLACE, "FAC": PLACE, "NORP": GROUP,
}  # fmt: skip
"""What OntoNotes and WikiNER models call them."""
RULE_IDS = (PERSON, ORGANISATION, PLACE, GROUP, ADDRESS)
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "sir",
        "madam",
        "mme",
        "mlle",
        "m",
        "herr",
        "frau",
        "señor",
        "señora",
        "sr",
        "sra",
        "don",
        "doña",
    ]
)
_NAMING = ("ner", "entity_ruler")
_STRETCH = 20_000
"""Characters that the pipeline sees at once: its memory grows with them."""


class SpacyNames:
    """A Recognizer. Letters' addresses are joined to whole blocks (`assay.detect.address_blocks`).

    Raises ConfigError `names.no_spacy` without the extra, `names.no_model` where the model is not installed, and
    `names.no_ner` where it recognises no names.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.pipeline = _loaded(model)

    def __reduce__(self) -> tuple[type[SpacyNames], tuple[str]]:
        """For processes that read documents: the model is loaded there, its weights do not travel."""
        return SpacyNames, (self.model,)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        return RULE_IDS

    @cached_property
    def recipe(self) -> str:
        meta = self.pipeline.meta
        return f"spacy_names.v1({meta['lang']}_{meta['name']}-{meta['version']},{_digest(self.pipeline)[:16]})"

    def recognise(self, text: str) -> tuple[Finding, ...]:
        """Time is linear in the text; a name that stands across a cut of 20,000 characters may be missed."""
        names = [found for start, part in _stretches(text) for found in self._named(part, start)]
        blocks = with_blocks(text, scan(text, _address_ids()))
        return merged((*names, *blocks))

    def _named(self, part: str, start: int) -> Iterator[Finding]:
        for entity in self.pipeline(part).ents:
            rule = LABELS.get(entity.label_)
            a, b = _tidy(part, entity.start_char, entity.end_char)
            if rule is None or not any(sign.isalpha() for sign in part[a:b]):
                continue
            if rule == PERSON:
                a = _with_title(part, a)
            yield Finding(rule, start + a, start + b, 1, 0.5, Basis.CONTEXT)


def finder(*, model: str) -> Callable[[str, Sequence[str]], tuple[Finding, ...]]:
    """For a policy's detector, whose process is ready once the model is loaded:
    `function: assay.adapters.spacy_names:finder`, `options: {model: en_core_web_sm}`."""
    names = SpacyNames(model)

    def find(text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]:
        return tuple(one for one in names.recognise(text) if one.rule_id in rule_ids)

    return find


@lru_cache(maxsize=1)
def _address_ids() -> tuple[str, ...]:
    return chosen((ADDRESS,))


def _loaded(model: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise ConfigError(
            "names.no_spacy", "names of persons need the extra `names`", where="names.model",
            remedy="pip install 'assay[names]' and a spaCy model",
        ) from error  # fmt: skip
    try:
        pipeline = spacy.load(model)
    except OSError as error:
        raise ConfigError(
            "names.no_model", "this spaCy model is neither an installed package nor a folder", where=model,
            remedy="install a model with a `ner` component, such as en_core_web_sm, and name it",
        ) from error  # fmt: skip
    if not set(_NAMING) & set(pipeline.pipe_names):
        raise ConfigError("names.no_ner", "this spaCy model recognises no names", where=model)
    for name in pipeline.pipe_names:
        if name not in _NAMING and "ner" not in getattr(pipeline.get_pipe(name), "listening_components", ()):
            pipeline.remove_pipe(name)  # a vectoriser that the recogniser does not listen to costs as much as it does
    return pipeline


def _digest(pipeline: Any) -> str:
    """SHA-256 over the weights and tables of what is used."""
    found = hashlib.sha256()
    for name, part in pipeline.pipeline:
        found.update(name.encode())
        found.update(part.to_bytes())
    return found.hexdigest()


def _stretches(text: str) -> Iterator[tuple[int, str]]:
    """The text in parts of bounded length, cut at blanks where there are any."""
    start = 0
    while start < len(text):
        end = min(start + _STRETCH, len(text))
        if end < len(text):
            cuts = (text.rfind(blank, start + _STRETCH // 2, end) for blank in "\n ")
            end = next((cut + 1 for cut in cuts if cut > 0), end)
        yield start, text[start:end]
        start = end


def _tidy(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blanks and signs around it, and only up to the end of the line."""
    line = text.find("\n", start, end)
    end = line if line > start else end
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


def _with_title(text: str, start: int) -> int:
    """Where the title before a name begins, where there is one."""
    before = text[max(0, start - 12) : start].rstrip()
    word = before.split()[-1] if before.split() else ""
    if word.rstrip(".").lower() in _TITLES and text[max(0, start - 12) : start].count("\n") == 0:
        return start - (len(text[max(0, start - 12) : start]) - before.rindex(word))
    return start
