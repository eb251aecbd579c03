"""How documents are read in a workspace: parsers, quality, scan and OCR as `assay.yaml` has them."""

from __future__ import annotations

from collections.abc import Mapping

from assay.adapters.language import Py3LangId
from assay.adapters.parsers.registry import parsers
from assay.detect.scanner import RuleScanner
from assay.ingest.access import AccessRules
from assay.ingest.reading import Reader, Stages
from assay.ingest.scan import ScanPolicy
from assay.ports.reading import Parser
from assay.wiring import quarantine
from assay.wiring.build import chunk_policy
from assay.wiring.names import recognisers
from assay.wiring.settings import Settings
from assay.wiring.settings_ingest import IngestSettings


def reader(settings: Settings, access: AccessRules) -> Reader:
    """The reader that the settings ask for. Raises ConfigError for a rule, program or language that is not there."""
    ingest = settings.ingest
    return Reader(
        _parsers(ingest),
        Py3LangId(),
        access,
        chunk_policy(settings),
        Stages(),
        min_quality=ingest.min_quality,
        scan=_scan(ingest),
        checks=quarantine.checks(ingest),
    )


def _parsers(ingest: IngestSettings) -> Mapping[str, Parser]:
    if ingest.ocr == "none":
        return parsers()
    from assay.adapters.ocr import tesseract
    from assay.adapters.parsers.pdf import PdfParser

    return {**parsers(), ".pdf": PdfParser(tesseract(ingest.ocr_languages))}


def _scan(ingest: IngestSettings) -> ScanPolicy | None:
    if not ingest.scan.rules:
        return None
    return ScanPolicy(
        RuleScanner(ingest.scan.rules, recognisers(ingest.scan.names_model)), hold=ingest.scan.on_finding == "hold"
    )
