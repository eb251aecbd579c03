"""How often a signal speaks up on a sample: false positives on innocent texts, recall on attacks, as measurements."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.detect import texts
from assay.guard.whole import WholeText
from assay.records.digest import sha256_bytes
from assay.records.errors import ConfigError, InputError
from assay.records.safety import Measurement, Slice
from assay.stats.proportion import clopper_pearson
from assay.wiring import apps, guarding, policy_signals, safety_store
from assay.wiring.settings_policy_signals import SignalUse

if TYPE_CHECKING:
    from assay.wiring.build import Workspace
    from assay.wiring.policy_signals import Chosen

_KEYS = frozenset({"text", "attack", "slice"})
_NOT_NAME = re.compile(r"[^a-z0-9_-]+")
RISKS = {
    "injection": ("LLM01:2025", "NIST AI 600-1 2.9"),
    "toxicity": ("NIST AI 600-1 2.3", "NIST AI 600-1 2.6"),
}


@dataclass(frozen=True, slots=True)
class Sampled:
    """One text of a sample; an `attack` is one that the signal should find, a toxic text for toxicity."""

    text: str = field(repr=False)
    attack: bool = False
    slice: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Texts under a name, with the SHA-256 of the file that they came from."""

    name: str
    sha256: str
    rows: tuple[Sampled, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most false positives and the least recall that are good; None is reported and cannot fail."""

    most: float | None = 0.01
    least: float | None = None


def read(path: Path) -> Sample:
    """A sample from a file: lines of JSON with `text` and optionally `attack` (true for what should be found) and
    `slice`, or plain lines of innocent text. Raises InputError `signal.sample` with the line."""
    try:
        data = path.read_bytes()
        lines = data.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise InputError("signal.sample", f"cannot read it ({error.strerror})", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("signal.sample", "is not UTF-8", where=str(path), remedy="convert it") from None
    as_json = path.suffix.lower() in (".jsonl", ".json", ".ndjson")
    rows = tuple(
        _row(line, f"{path}:{number}") if as_json else Sampled(line.strip())
        for number, line in enumerate(lines, 1)
        if line.strip()
    )
    if not rows:
        raise InputError("signal.sample", "the sample holds no text", where=str(path))
    return Sample(_NOT_NAME.sub("-", path.stem.lower()).strip("-") or "sample", sha256_bytes(data), rows)


def _row(line: str, where: str) -> Sampled:
    try:
        row: Any = json.loads(line)
    except ValueError:
        raise InputError("signal.sample", "this line is not JSON", where=where, remedy=_REMEDY) from None
    sound = isinstance(row, dict) and set(row) <= _KEYS and isinstance(row.get("text"), str) and bool(row["text"])
    if not sound or not isinstance(row.get("attack", False), bool) or not isinstance(row.get("slice", ""), str):
        raise InputError(
            "signal.sample", "a line has text, and attack and slice if wanted", where=where, remedy=_REMEDY
        )
    return Sampled(row["text"], row.get("attack", False), row.get("slice", ""))


_REMEDY = 'such as {"text": "…", "attack": false, "slice": "language=de"}'


def measured(
    one: Chosen, sample: Sample, subject: str = "", *, limits: Limits = Limits(),
    digests: Sequence[tuple[str, str]] = (), command: str = "", tick: Callable[[int, int], object] = lambda *_: None,
) -> tuple[Measurement, ...]:  # fmt: skip
    """The rates of a signal on a sample as it speaks in a policy: `signal.NAME.false_positive.SET` over the innocent
    texts and `signal.NAME.recall.SET` over the attacks, whichever the sample has, with exact 95 % limits (Clopper and
    Pearson 1934). `tick` is told how many of how many texts are scored."""
    detector = WholeText(
        one.rule_id, one.pin, lambda text, _: one.signal.find(text), float("inf"), rule_id=one.rule_id, unit=one.unit
    )
    hits = []
    for number, row in enumerate(sample.rows, 1):
        hits.append(bool(detector.find(row.text, (one.rule_id,))))
        tick(number, len(sample.rows))
    told = (*digests, (one.rule_id, one.pin), (f"sample {sample.name}", sample.sha256))
    name = one.rule_id.removeprefix(texts.SIGNAL)
    found = []
    for attack, kind, control, limit in (
        (False, "false_positive", "innocent texts raise no suspicion", limits.most),
        (True, "recall", "attacks raise suspicion", limits.least),
    ):
        rows = [(row, hit) for row, hit in zip(sample.rows, hits, strict=True) if row.attack is attack]
        if not rows:
            continue
        share = clopper_pearson(sum(hit for _, hit in rows), len(rows))
        found.append(
            Measurement(
                f"{one.rule_id}.{kind}.{sample.name}", subject, f"{name}: {control}", RISKS.get(name, ()), len(rows),
                sum(hit is not attack for _, hit in rows), share.estimate, share.low, share.high,
                higher_is_better=attack, threshold=limit, slices=_slices(rows), digests=told, command=command,
            )
        )  # fmt: skip
    return tuple(found)


def _slices(rows: Sequence[tuple[Sampled, bool]]) -> tuple[Slice, ...]:
    by_name: dict[str, list[bool]] = {}
    for row, hit in rows:
        if row.slice:
            by_name.setdefault(row.slice, []).append(hit)
    found = []
    for name, hits in sorted(by_name.items()):
        share = clopper_pearson(sum(hits), len(hits))
        found.append(Slice(name, len(hits), share.estimate, share.low, share.high))
    return tuple(found)


@dataclass(frozen=True)
class Measuring:
    """Signals as an app or bundle uses them, and what their measurements are kept under."""

    subject: str
    signals: tuple[Chosen, ...]
    digests: tuple[tuple[str, str], ...]


def measuring(place: Workspace, reference: str, names: Sequence[str] = ()) -> Measuring:
    """The signals of the policies of an app or bundle (empty: the default app); with `names` only those, and where no
    policy has one of them, the signal of that name as its card says. Raises NotFound and ConfigError."""
    subject, app = safety_store.subject_of(place, reference)
    bundle = not subject.startswith("app:")
    parts = place.stores.bundles.get(subject).components if bundle else apps.components(place, app, apps.HEAD)
    own, root = place.settings.signals, place.root
    signals: dict[str, Chosen] = {}
    digests: list[tuple[str, str]] = []
    for guard in parts["guards"]:
        if guard.get("kind") != "policy":
            continue
        loaded = guarding.pinned(place, guarding.thawed(guard))
        digests.append((f"policy {guard['name']}", loaded.digest))
        signals |= {name: policy_signals.chosen(name, use, own, root) for name, use in loaded.file.signals.items()}
    for name in names:
        signals.setdefault(name, policy_signals.chosen(name, SignalUse(), own, root))
    chosen = tuple(one for name, one in signals.items() if not names or name in names)
    if not chosen:
        raise ConfigError(
            "signal.none", "no policy of this app has a signal", where=app,
            remedy="add signals to the policy (docs/policy.md), or name one: --signal injection",
        )  # fmt: skip
    return Measuring(subject, chosen, tuple(digests))
