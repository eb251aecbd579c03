"""How the result of a red team is told: tables of bounds for people, one object for programs, no text of an attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assay.cli.common import table
from assay.evaluate.redteam import corpus_report
from assay.evaluate.redteam import report as rates
from assay.evaluate.redteam.placements import DIRECT
from assay.records.dialogue import Outcome
from assay.records.safety import Standing

if TYPE_CHECKING:
    from assay.evaluate.redteam.report import Trial
    from assay.wiring.redteam_run import Ordered, Ran

_LISTED = 20
_SLICES = (
    ("placement", lambda t: t.placement),
    ("obfuscation", lambda t: t.obfuscation),
    ("language", lambda t: t.language),
    ("style", lambda t: t.style),
    ("turns", lambda t: "several" if t.placement in DIRECT[1:] else "one"),
)


def report(ordered: Ordered, subject: str, ran: Ran) -> dict[str, Any]:
    """Everything that is told, as JSON values."""
    from assay.wiring.redteam_run import sizes

    trials, given = ran.trials, ran.corpus_trials
    effects = sum(bool(trial.effects) for trial in trials)
    kept, asked = rates.utility((*trials, *given))
    tries = [(one.trial, one.tries) for one in ran.made if one.trial.outcome is not Outcome.FAILED]
    at = rates.success_at(tries, ordered.plan.budget)
    return {
        "subject": subject, "measured_as": ran.target.subject, "model": ordered.plan.model, "seed": ordered.plan.seed,
        "complete": ran.complete, "failed": ran.failed, "trials": len(trials), "effects": effects,
        "upper_bound_95": rates.upper_bound(effects, len(trials)),
        "quoted": sum(bool(trial.quoted) for trial in trials),
        "altered": sum(trial.altered for trial in trials),
        "reached": sum(trial.obeyed for trial in trials),
        "goals": [_row(one) for one in rates.by_goal(trials)],
        "risks": [_row(one) for one in rates.by_risk(trials)],
        "success_at": {str(k): hits / n for k, hits in at[0][2].items()} if (n := at[0][1]) else {},
        "success_at_by_goal": [
            {"name": name, "attacks": count, "got_through": {str(k): hits for k, hits in row.items()}}
            for name, count, row in at
        ],
        "worst_slice": {name: _worst(trials, of) for name, of in _SLICES},
        "corpora": [_corpus(one, given) for one in corpus_report.by_corpus(given)],
        "sources": sizes(ran.corpora),
        "benign": {"kept": kept, "asked": asked, "prompts": _benign(ran.benign)},
        "attacks": _through(ran),
        "recorded": [{"check": one.check, "standing": one.standing} for one in ran.recorded],
    }  # fmt: skip


def _worst(trials: Sequence[Trial], of: Any) -> dict[str, Any]:
    name, effects, n = rates.worst(trials, of)
    return {"name": name, "effects": effects, "trials": n, "upper_bound_95": rates.upper_bound(effects, n)}


def _row(one: Any) -> dict[str, Any]:
    return {
        "name": one.name, "trials": one.trials, "reached": one.reached, "effects": one.effects, "quoted": one.quoted,
        "upper_bound_95": one.upper, "verdict": one.verdict,
    }  # fmt: skip


def _corpus(one: corpus_report.CorpusRate, trials: Sequence[corpus_report.CorpusTrial]) -> dict[str, Any]:
    mine = [t for t in trials if t.corpus == one.name]
    parts = corpus_report.shares((t.slices, bool(t.effects)) for t in mine)
    name, hits, n = max(parts, key=lambda part: (part[1] / part[2], part[2]), default=("", 0, 0))
    return {
        "name": one.name, "trials": one.trials, "reached": one.reached, "effects": one.effects, "quoted": one.quoted,
        "by_effect": dict(one.by_effect), "upper_bound_95": one.upper,
        "outcomes": {o.value: k for o in sorted({t.outcome for t in mine}) if (k := sum(t.outcome is o for t in mine))},
        "worst_slice": {"name": name, "effects": hits, "trials": n, "upper_bound_95": rates.upper_bound(hits, n)},
    }  # fmt: skip


def _benign(trials: Sequence[corpus_report.BenignTrial]) -> list[dict[str, Any]]:
    rows = []
    for source in sorted({one.source for one in trials}):
        mine = [one for one in trials if one.source == source]
        counted = {fate.value: sum(one.fate is fate for one in mine) for fate in corpus_report.Fate}
        refused = rates.upper_bound(counted["refused"], len(mine))
        rows.append({"name": source, "prompts": len(mine), **counted, "lowered": sum(one.lowered for one in mine),
                     "refused_upper_bound_95": refused})  # fmt: skip
    return rows


def _through(ran: Ran) -> list[dict[str, Any]]:
    made = [
        {"attack_id": one.attack.attack_id, "goal": one.trial.goal, "placement": one.trial.placement,
         "obfuscation": one.trial.obfuscation, "language": one.trial.language, "style": one.trial.style,
         "effects": sorted(one.trial.effects), "tries": one.tries}
        for one in ran.made if one.trial.effects
    ]  # fmt: skip
    given = [
        {"attack_id": one.attack.attack_id, "corpus": one.trial.corpus, "slices": list(one.trial.slices),
         "effects": sorted(one.trial.effects)}
        for one in ran.tried if one.trial.effects
    ]  # fmt: skip
    return [*made, *given]


def has_failed(told_of: dict[str, Any], ran: Ran) -> bool:
    """A check failed; of a real model without --max-rate, which has no threshold, any effect is."""
    unbounded = all(one.threshold is None for one in ran.recorded if one.check.startswith("redteam."))
    return any(one.standing is Standing.FAILED for one in ran.recorded) or (unbounded and bool(told_of["attacks"]))


_GOALS = ("what", "trials", "reached", "effects", "quoted", "at most (95 %)", "verdict")
_CORPORA = ("corpus", "attacks", "reached", "effects", "quoted", "at most (95 %)", "worst slice")
_BENIGN = (
    "harmless",
    "prompts",
    "answered",
    "refused",
    "withheld",
    "not known",
    "failed",
    "lowered",
    "refused at most",
)


def told(found: dict[str, Any], markdown: bool) -> str:
    """For people: what got through first, then each table."""
    shown = _as_markdown if markdown else _as_table
    parts = ["\n".join(_summary(found))]
    if found["trials"]:
        parts.append(shown(_GOALS, [_cells(one) for one in (*found["goals"], *found["risks"])]))
        slices = [(name, one) for name, one in found["worst_slice"].items()]
        worst = [
            (name, one["name"], one["effects"], one["trials"], _share(one["upper_bound_95"])) for name, one in slices
        ]
        parts.append(shown(("worst", "slice", "effects", "trials", "at most (95 %)"), worst))
    if len(found["success_at"]) > 1:
        ks = list(found["success_at"])
        heads = ("got through within", "attacks", *(f"{k} tries" if k != "1" else "1 try" for k in ks))
        at = [(o["name"], o["attacks"], *(o["got_through"][k] for k in ks)) for o in found["success_at_by_goal"]]
        parts.append(shown(heads, at))
    if found["corpora"]:
        parts.append(shown(_CORPORA, [_corpus_cells(one) for one in found["corpora"]]))
    if prompts := found["benign"]["prompts"]:
        parts.append(shown(_BENIGN, [_benign_cells(one) for one in prompts]))
    if found["attacks"]:
        parts.append("\n".join(["got through:", *(_line(one) for one in found["attacks"][:_LISTED])]))
    if found["recorded"]:
        parts.append(f"{len(found['recorded'])} measurements are kept under {found['measured_as'][:64]}")
    return "\n\n".join(parts)


def _summary(found: dict[str, Any]) -> list[str]:
    benign = found["benign"]
    return [
        f"{found['subject']}, {found['model']} model, seed {found['seed']}: {found['effects']} of "
        f"{found['trials']} attacks had an effect, at most {_share(found['upper_bound_95'])} (95 %)",
        f"the model came across {found['reached']} of the orders; in {found['quoted']} a cited passage was quoted "
        f"with the attacker's words, in {found['altered']} they stood inside a sentence that passed its check",
        f"answers kept under attack: {benign['kept']} of {benign['asked']}",
        *([f"{found['failed']} attacks failed for another reason and count for nothing"] if found["failed"] else []),
    ]  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def _cells(one: dict[str, Any]) -> tuple[object, ...]:
    counts = (one[name] for name in ("trials", "reached", "effects", "quoted"))
    return (one["name"], *counts, _share(one["upper_bound_95"]), one["verdict"])


def _corpus_cells(one: dict[str, Any]) -> tuple[object, ...]:
    worst = one["worst_slice"]
    shown = f"{worst['name']} {worst['effects']}/{worst['trials']}" if worst["effects"] else "–"
    counts = (one[name] for name in ("trials", "reached", "effects", "quoted"))
    return (one["name"], *counts, _share(one["upper_bound_95"]), shown)


def _benign_cells(one: dict[str, Any]) -> tuple[object, ...]:
    counts = (one[name] for name in ("prompts", "answered", "refused", "withheld", "not_known", "failed", "lowered"))
    return (one["name"], *counts, _share(one["refused_upper_bound_95"]))


def _line(one: dict[str, Any]) -> str:
    if "corpus" in one:
        return f"  {one['attack_id']}  {one['corpus']}, {', '.join(one['effects'])}"
    return f"  {one['attack_id']}  {one['goal']}, {one['placement']}, {one['obfuscation']}"


def _as_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    numbers = [at for at in range(len(heads)) if rows and all(_is_number(row[at]) for row in rows)]
    return table(heads, rows, right=numbers)


def _is_number(cell: object) -> bool:
    return isinstance(cell, int) or str(cell).endswith(" %") or cell == "–"


def _as_markdown(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])
