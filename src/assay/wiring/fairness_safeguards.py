"""The safeguards of a workspace as they are held by groups, and the evidence that is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.detect.registry import GROUPS, recipe_of
from assay.detect.scanning import scan
from assay.detect.signals import packaged
from assay.evaluate import fairness_report as told
from assay.evaluate.fairness import Asked
from assay.evaluate.fairness_safeguards import (
    ANY,
    Examined,
    Labelled,
    Safeguard,
    Trial,
    examine,
    summary,
    tried,
)
from assay.guard.acting import Acting
from assay.guard.policy import Context, Where
from assay.ports.reading import Signal
from assay.records.comparison import Verdict
from assay.records.digest import sha256_bytes
from assay.records.errors import InputError
from assay.records.safety import Measurement
from assay.stats.disparity import Tolerance
from assay.wiring import fairness, fairness_sets, guarding, policies, safety_store, signals
from assay.wiring.build import Workspace

STRUCTURED = tuple(
    f"personal:{kind}" for kind in ("CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "IP_ADDRESS")
)
RULES, POLICY = "rules", "policy:"
_ALLOWED = ("allow", "lower_rights")


@dataclass(frozen=True)
class SignalGuard:
    """A signal at its threshold."""

    name: str
    signal: Signal
    threshold: float

    @property
    def recipe(self) -> str:
        return self.signal.recipe

    @property
    def stops(self) -> frozenset[str]:
        return frozenset({self.name, ANY})

    def acts(self, one: Labelled) -> bool:
        return self.score(one.text) >= self.threshold

    def score(self, text: str) -> float:
        return self.signal.score(text)


@dataclass(frozen=True)
class RulesGuard:
    """The packaged rules for personal data: what they find is what a policy can act on."""

    name: str = RULES
    ids: tuple[str, ...] = field(default=GROUPS["personal"])

    @property
    def recipe(self) -> str:
        return f"rules({recipe_of(self.ids)})"

    @property
    def stops(self) -> frozenset[str]:
        return frozenset({*STRUCTURED, ANY})

    def acts(self, one: Labelled) -> bool:
        found = scan(one.text, self.ids)
        if one.span is None:
            return bool(found)
        start, end = one.span
        return any(each.start < end and start < each.end for each in found)

    def score(self, text: str) -> float:
        return float(bool(scan(text, self.ids)))


@dataclass(frozen=True)
class PolicyGuarding:
    """A whole policy, as it treats a question of the default tenant: refused and changed is acted on."""

    name: str
    acting: Acting
    digest: str

    @property
    def recipe(self) -> str:
        return f"policy({self.digest[:12]})"

    @property
    def stops(self) -> frozenset[str]:
        return frozenset({*STRUCTURED, ANY})

    def acts(self, one: Labelled) -> bool:
        acted = self.acting.act(one.text, Context(Where.QUESTION, "default"))
        if one.span is None or acted.refused:
            return policies.outcome(acted, one.text) not in _ALLOWED
        return one.text[slice(*one.span)] not in acted.text

    def score(self, text: str) -> float:
        return float(self.acts(Labelled(text, "", {}, "")))


def named(place: Workspace, names: Sequence[str]) -> tuple[Safeguard, ...]:
    """Safeguards by name: a signal, `rules`, or `policy:FILE`; without names the packaged signals, the rules and the
    policy of the default app. Raises ConfigError `signal.unknown` and those of a policy."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        wanted = [*packaged.NAMES, RULES]
        wanted += [POLICY] if place.default_app in guarding.live_policies(place) else []
    return tuple(_named(place, name) for name in wanted)


def _named(place: Workspace, name: str) -> Safeguard:
    if name == RULES:
        return RulesGuard()
    if name.startswith(POLICY):
        loaded = policies.load(guarding.policy_path(place, name.removeprefix(POLICY)))
        return PolicyGuarding("policy", guarding.acting(place, loaded), loaded.digest)
    signal = signals.signal_named(name, place.settings.signals, place.root)
    return SignalGuard(name, signal, signals.threshold_of(signal))


@dataclass(frozen=True)
class Terms:
    """How disparities are judged where `assay.yaml` declares nothing for a rate and dimension."""

    tolerance: Tolerance | None = None
    reference: str = "overall"
    min_n: int = 30
    alpha: float = 0.05


def terms(difference: float, ratio: float, reference: str, min_n: int) -> Terms:
    """What the command line says; 0 is nothing. Raises InputError `fairness.tolerance`."""
    if difference and ratio:
        raise InputError(
            "fairness.tolerance", "name a difference or a ratio, one of them", where="--difference, --ratio"
        )
    try:
        tolerance = Tolerance(difference or None, ratio or None) if difference or ratio else None
    except ValueError as error:
        raise InputError("fairness.tolerance", str(error), where="--difference, --ratio") from None
    if min_n < 2:
        raise InputError("fairness.min_n", "a group has at least two texts", where="--min-n")
    return Terms(tolerance, reference, min_n)


@dataclass(frozen=True)
class Looked:
    """All rates by group, all rates over everyone, what could not be held, and what was kept."""

    examined: tuple[Examined, ...]
    totals: dict[str, dict[str, dict[str, tuple[int, int]]]]
    problems: tuple[tuple[str, str], ...]
    kept: tuple[Measurement, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of what has a tolerance; `ship` where nothing has one."""
        readings = [fairness.verdict_of(one.held) for one in self.examined if one.held.disparity.tolerance is not None]
        order = (Verdict.DO_NOT_SHIP, Verdict.NEED_MORE_DATA)
        return next((one for one in order if one in readings), Verdict.SHIP)


Progress = Callable[[int, int, str], None]


def look(
    place: Workspace, paths: Sequence[Path], names: Sequence[str], by: Sequence[str], terms: Terms, subject: str,
    progress: Progress, *, command: str = "",
) -> Looked:  # fmt: skip
    """Try safeguards on labelled texts and hold their rates by group; the figures are kept under `subject` (a bundle or
    an app), else under each safeguard's own recipe. Raises InputError `fairness.no_texts` and those of the readers."""
    texts = fairness_sets.read(paths)
    if not texts:
        raise InputError("fairness.no_texts", "no labelled text is named", where="SET", remedy="docs/fairness.md")
    digests = {path.name: _digest(path) for path in paths}
    about = subject_of(place, subject) if subject else ""
    made: list[Examined] = []
    totals, problems = {}, []
    for guard in named(place, names):
        trials = tried(guard, texts, lambda done, total, name=guard.name: progress(done, total, name))  # type: ignore[misc]
        totals[guard.name] = summary(trials)
        found, missing = held_by(place, guard, trials, by, terms)
        made += found
        problems += missing
    kept = safety_store.record(place, [evidence(one, about, made, digests, command) for one in made])
    return Looked(tuple(made), totals, tuple(problems), kept)


def held_by(
    place: Workspace, guard: Safeguard, trials: Sequence[Trial], by: Sequence[str], terms: Terms
) -> tuple[list[Examined], list[tuple[str, str]]]:
    """What a safeguard did, by group, against the declared tolerances."""
    declared = {(one.metric, one.by): one for one in place.settings.fairness}

    def question(rate: str, dimension: str) -> Asked:
        setting = declared.get((f"{fairness.SAFEGUARD}{guard.name}.{rate}", dimension))
        if setting is not None:
            return replace(fairness.asked(setting), measure=f"{guard.name} {rate}")
        measure = f"{guard.name} {rate}"
        return Asked(measure, dimension, terms.tolerance, terms.reference, terms.min_n, terms.alpha)

    return examine(guard, trials, question, by, seed=place.settings.evaluate.seed)


def evidence(
    one: Examined, about: str, all_of_them: Sequence[Examined], digests: dict[str, str], command: str
) -> Measurement:
    """`fairness.safeguard.NAME.RATE.BY`, with the source of the texts behind where several have that dimension."""
    alike = [
        each for each in all_of_them
        if (each.safeguard, each.held.measure, each.held.by) == (one.safeguard, one.held.measure, one.held.by)
    ]  # fmt: skip
    rests_on = {one.safeguard: one.recipe, **digests}
    made = told.measurement(
        one.held, about or one.recipe, prefix=one.prefix, command=command, digests=rests_on,
        control=f"The safeguard {one.safeguard} has a {one.held.measure} that does not hang on {one.held.by}",
    )  # fmt: skip
    return replace(made, check=f"{made.check}.{one.source}") if len(alike) > 1 else made


def subject_of(place: Workspace, reference: str) -> str:
    """What evidence about an app, a bundle or another system under test is kept under."""
    from assay.wiring import systems

    if reference in place.settings.apps:
        return safety_store.subject_of(place, reference)[0]
    found = systems.subject(place, reference)
    return found.bundle_id or found.system.recipe


def _digest(path: Path) -> str:
    """Of a file; of a folder, of the names and digests of its files."""
    if path.is_file():
        return sha256_bytes(path.read_bytes())
    parts = [f"{one.name} {sha256_bytes(one.read_bytes())}" for one in sorted(path.iterdir()) if one.is_file()]
    return sha256_bytes("\n".join(parts).encode())
