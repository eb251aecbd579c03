"""A signal by a larger classifier of one's own: any ONNX sequence classifier in a local file, never downloaded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.adapters.onnx_session import file_digest, open_session
from assay.records.errors import CannotJudge, ConfigError, Unavailable
from assay.records.findings import Basis, Finding

_KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})


@dataclass(frozen=True)
class _Loaded:
    tokenizer: Any
    session: Any
    inputs: frozenset[str]


class OnnxClassifier:
    """A Signal. The score is the probability of the classes `positive` (row numbers of the logits) by softmax, or the
    logistic of the only logit.

    A longer text is cut into windows of `max_tokens` that overlap by a quarter; the highest counts. The recipe names
    the digests of model and tokenizer; `sha256` pins the model. Loaded at the first use. Raises ConfigError
    (`signal.path`, `signal.tokenizer`, `signal.inputs`, `signal.classes`), CannotJudge (`signal.weights_digest`) and
    Unavailable (`embedder.load`, of the session).
    """

    def __init__(
        self, name: str, model: Path, tokenizer: Path | None = None, *, positive: Sequence[int] = (1,),
        threshold: float = 0.5, max_tokens: int = 512, threads: int = 0, sha256: str = "",
    ) -> None:  # fmt: skip
        self.name, self.threshold = name, threshold
        self._model, self._tokenizer = model, tokenizer or model.with_name("tokenizer.json")
        for path in (self._model, self._tokenizer):
            if not path.is_file():
                raise ConfigError(
                    "signal.path", "there is no such model file", where=str(path),
                    remedy="name the .onnx file, with its tokenizer.json beside it or named too",
                )  # fmt: skip
        if not positive or min(positive) < 0:
            raise ConfigError("signal.classes", "name at least one class, counted from 0", where="positive")
        self._positive, self._max_tokens, self._threads, self._sha256 = (
            sorted(set(positive)), max_tokens, threads, sha256.lower(),
        )  # fmt: skip
        self._loaded: _Loaded | None = None
        self._digests: tuple[str, str] | None = None
        self._lock = threading.RLock()

    def speaking_from(self, threshold: float) -> OnnxClassifier:
        """The same model, not loaded yet, with findings from another score on."""
        return OnnxClassifier(
            self.name, self._model, self._tokenizer, positive=self._positive, threshold=threshold,
            max_tokens=self._max_tokens, threads=self._threads, sha256=self._sha256,
        )  # fmt: skip

    @property
    def recipe(self) -> str:
        model, tokenizer = self._checked()
        classes = "+".join(map(str, self._positive))
        return (
            f"signal.onnx.v1({self.name},model={model[:16]},tokenizer={tokenizer[:16]},positive={classes},"
            f"max_tokens={self._max_tokens})"
        )

    def score(self, text: str) -> float:
        """0 to 1: the highest score among the windows; 0 for a text without a visible character."""
        return max((score for _, _, score in self._windows(text)), default=0.0)

    def find(self, text: str) -> tuple[Finding, ...]:
        """Stretches of windows that score at least `threshold`, in reading order, without overlap."""
        found: list[Finding] = []
        for start, end, score in self._windows(text):
            if score < self.threshold:
                continue
            if found and start <= found[-1].end:
                before = found.pop()
                start, end, score = before.start, max(end, before.end), max(score, before.score)
            found.append(Finding(f"signal.{self.name}", start, end, 1, score, Basis.CONTEXT))
        return tuple(found)

    def _windows(self, text: str) -> list[tuple[int, int, float]]:
        if not text.strip():
            return []
        loaded = self._load()
        whole = loaded.tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))
        found = []
        for encoding in (whole, *whole.overflowing):
            spans = [span for span, special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
                     if not special]  # fmt: skip
            if spans:
                found.append((spans[0][0], spans[-1][1], self._scored(loaded, encoding.ids)))
        return found

    def _scored(self, loaded: _Loaded, ids: Sequence[int]) -> float:
        tokens = np.array([ids], dtype=np.int64)
        given = {
            "input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens),
            "position_ids": np.arange(len(ids), dtype=np.int64)[None],
        }  # fmt: skip
        out = np.asarray(loaded.session.run(None, {name: given[name] for name in loaded.inputs})[0], dtype=np.float64)
        if out.ndim != 2 or (out.shape[1] > 1 and self._positive[-1] >= out.shape[1]):
            raise ConfigError(
                "signal.classes", f"the model gives values of shape {out.shape}, without the classes asked for",
                where=self._model.name, remedy="name classes that the model has, counted from 0, in positive",
            )  # fmt: skip
        logits = out[0] if out.shape[1] > 1 else np.array([0.0, out[0, 0]])
        shares = np.exp(logits - logits.max())
        chosen = self._positive if out.shape[1] > 1 else [1]
        return float(shares[chosen].sum() / shares.sum())

    def _checked(self) -> tuple[str, str]:
        with self._lock:
            if self._digests is None:
                found = file_digest(self._model)
                if self._sha256 and found != self._sha256:
                    raise CannotJudge(
                        "signal.weights_digest", "the model file is not the one that assay.yaml pins",
                        where=self._model.name, remedy="restore the file, or change its sha256 in assay.yaml",
                    )  # fmt: skip
                self._digests = found, file_digest(self._tokenizer)
            return self._digests

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._checked()
                tokenizer = _tokenizer(self._tokenizer, self._max_tokens)
                session = open_session(self._model, self._threads)
                inputs = frozenset(one.name for one in session.get_inputs())
                if "input_ids" not in inputs or not inputs <= _KNOWN_INPUTS:
                    raise ConfigError(
                        "signal.inputs", "the model asks for inputs that a text classifier has not",
                        where=self._model.name, remedy=f"export it with {', '.join(sorted(_KNOWN_INPUTS))}",
                    )  # fmt: skip
                self._loaded = _Loaded(tokenizer, session, inputs)
            return self._loaded


def _tokenizer(path: Path, max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unavailable("signal.tokenizer", "the tokenizer's file cannot be read", where=path.name) from error
    except Exception as error:
        # The library raises plain Exception for every malformed file.
        raise ConfigError(
            "signal.tokenizer", "the file is no tokenizer.json of the tokenizers library", where=path.name
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens, stride=max_tokens // 4)
    return tokenizer
