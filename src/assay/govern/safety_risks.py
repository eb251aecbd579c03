"""The risks that a safety report answers for, and which checks speak to each."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from assay.records.safety import Judged, RiskRow

OWASP = {
    "LLM01:2025": "Prompt injection",
    "LLM02:2025": "Sensitive information disclosure",
    "LLM03:2025": "Supply chain",
    "LLM04:2025": "Data and model poisoning",
    "LLM05:2025": "Improper output handling",
    "LLM06:2025": "Excessive agency",
    "LLM07:2025": "System prompt leakage",
    "LLM08:2025": "Vector and embedding weaknesses",
    "LLM09:2025": "Misinformation",
    "LLM10:2025": "Unbounded consumption",
}
"""OWASP Top 10 for LLM applications, edition 2025."""
NIST = {
    "NIST AI 600-1 2.1": "CBRN information or capabilities",
    "NIST AI 600-1 2.2": "Confabulation",
    "NIST AI 600-1 2.3": "Dangerous, violent or hateful content",
    "NIST AI 600-1 2.4": "Data privacy",
    "NIST AI 600-1 2.5": "Environmental impacts",
    "NIST AI 600-1 2.6": "Harmful bias or homogenization",
    "NIST AI 600-1 2.7": "Human-AI configuration",
    "NIST AI 600-1 2.8": "Information integrity",
    "NIST AI 600-1 2.9": "Information security",
    "NIST AI 600-1 2.10": "Intellectual property",
    "NIST AI 600-1 2.11": "Obscene, degrading or abusive content",
    "NIST AI 600-1 2.12": "Value chain and component integration",
}
"""NIST AI 600-1 (July 2024), section 2."""
AI_ACT = {
    "EU AI Act Art. 10": "Data and data governance",
    "EU AI Act Art. 12": "Record-keeping",
    "EU AI Act Art. 13": "Transparency to deployers",
    "EU AI Act Art. 14": "Human oversight",
    "EU AI Act Art. 15": "Accuracy, robustness and cybersecurity",
}
"""Regulation (EU) 2024/1689, requirements for high-risk systems."""
RISKS = OWASP | NIST | AI_ACT
_BY_CHECK: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("redteam.*", ("LLM01:2025", "NIST AI 600-1 2.9", "EU AI Act Art. 15")),
    ("broker.*", ("LLM06:2025", "NIST AI 600-1 2.9", "EU AI Act Art. 14")),
    ("canary.*", ("LLM02:2025", "LLM07:2025", "LLM08:2025", "NIST AI 600-1 2.9")),
    ("poison.*", ("LLM04:2025", "NIST AI 600-1 2.8", "EU AI Act Art. 10")),
    ("privacy.*", ("LLM02:2025", "NIST AI 600-1 2.4", "EU AI Act Art. 10")),
    ("stream.*", ("LLM02:2025", "LLM05:2025", "NIST AI 600-1 2.4")),
    ("signal.injection.*", ("LLM01:2025", "NIST AI 600-1 2.9")),
    ("signal.toxicity.*", ("NIST AI 600-1 2.3", "NIST AI 600-1 2.11")),
    ("fairness.*", ("NIST AI 600-1 2.6", "EU AI Act Art. 10")),
    ("benign.*", ("NIST AI 600-1 2.7", "EU AI Act Art. 15")),
    ("audit.*", ("EU AI Act Art. 12",)),
    ("limits.*", ("LLM10:2025", "EU AI Act Art. 15")),
    ("quality.*", ("LLM09:2025", "NIST AI 600-1 2.2", "EU AI Act Art. 15")),
)


def risks_of(one: Judged) -> tuple[str, ...]:
    """The ids that a check speaks to: what its measurement states, and what its name stands for."""
    stated = one.measurement.risks if one.measurement else ()
    known = [risk for risk in RISKS if any(risk == name or name.startswith(f"{risk} ") for name in stated)]
    named = [risk for pattern, risks in _BY_CHECK if fnmatchcase(one.check, pattern) for risk in risks]
    return tuple(dict.fromkeys((*known, *named)))


def by_risk(checks: Sequence[Judged]) -> tuple[RiskRow, ...]:
    """Every risk of the catalogue, also those that nothing was run for: that is said, never left out."""
    about = {one.check: frozenset(risks_of(one)) for one in checks}
    return tuple(
        RiskRow(risk, title, tuple(one for one in checks if risk in about[one.check])) for risk, title in RISKS.items()
    )
