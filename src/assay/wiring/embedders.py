"""Which model makes vectors: the packaged one, an encoder in a folder, or an endpoint; for texts and for questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from assay.ports.index import Embedder
from assay.records.errors import CannotJudge
from assay.wiring.config import secret
from assay.wiring.settings_index import Encoder, OnnxEncoder

if TYPE_CHECKING:
    from assay.adapters.embedding_cache import CachedEmbedder
    from assay.adapters.prefixed_embedder import PrefixedEmbedder
    from assay.wiring.build import Workspace

NONE = "none"
PACKAGED = "minilm"
MEMORY = "embedders.json"
"""What made vectors here before, so that questions are still understood while another model takes over."""
_ENCODER: TypeAdapter[Encoder] = TypeAdapter(Encoder)


class Embedders:
    """The workspace's embedders with their cache; each model is loaded once, at its first use."""

    def __init__(self, root: Path, store: Path, threads: int) -> None:
        self._root, self._store, self._threads = root, store, threads
        self._made: dict[str, CachedEmbedder] = {}

    def passages(
        self, name: str, settings: dict[str, Any] | None, by: Callable[[Embedder], Embedder] | None = None
    ) -> Embedder | None:
        """What embeds chunks; None for `none`. `by` may put something between the cache and the model."""
        return None if name == NONE else self._side(settings, 1, by)

    def questions(self, name: str, settings: dict[str, Any] | None, recipe: str = "") -> Embedder | None:
        """What embeds questions. `recipe` is that of the vectors to be searched: while another model takes over, it is
        the one that made them before, if that can still be opened here."""
        if name == NONE:
            return None
        asking = self._side(settings, 0)
        if not recipe or asking.recipe == recipe:
            return asking
        before = self._remembered().get(recipe)
        if before is None:
            return asking
        earlier = self._side(before["settings"], 0)
        return earlier if earlier.recipe == recipe else asking

    def remember(self, recipe: str, name: str, settings: dict[str, Any] | None) -> None:
        """Note what is making vectors now."""
        known = self._remembered()
        if recipe not in known:
            from assay.adapters.embedded_index.durable import write_durably

            known[recipe] = {"name": name, "settings": settings}
            write_durably(self._store / MEMORY, json.dumps(known, indent=1, sort_keys=True).encode())

    def _remembered(self) -> dict[str, dict[str, Any]]:
        try:
            found: dict[str, dict[str, Any]] = json.loads((self._store / MEMORY).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise CannotJudge(
                "embedder.memory", "the file that remembers earlier embedders cannot be read",
                where=str(self._store / MEMORY), remedy="delete it; searches use words alone until vectors are made",
            ) from None  # fmt: skip
        return found

    def _side(
        self, settings: dict[str, Any] | None, side: int, by: Callable[[Embedder], Embedder] | None = None
    ) -> PrefixedEmbedder:
        from assay.adapters.prefixed_embedder import PrefixedEmbedder

        sides = (settings["query_prefix"], settings["passage_prefix"]) if settings else ("", "")
        return PrefixedEmbedder(self._cached(settings, by), sides[side], sides)

    def _cached(
        self, settings: dict[str, Any] | None, by: Callable[[Embedder], Embedder] | None = None
    ) -> CachedEmbedder:
        from assay.adapters.embedding_cache import CachedEmbedder

        if by is not None:
            return CachedEmbedder(by(self.model(settings)), self._store / "embeddings.db")
        key = json.dumps(settings, sort_keys=True)
        if key not in self._made:
            self._made[key] = CachedEmbedder(self.model(settings), self._store / "embeddings.db")
        return self._made[key]

    def model(self, settings: dict[str, Any] | None) -> Embedder:
        """The model itself, without cache and prefixes."""
        if settings is None:
            from assay.adapters.minilm.embedder import MiniLmEmbedder

            return MiniLmEmbedder(threads=self._threads)
        encoder = _ENCODER.validate_python(settings)
        if isinstance(encoder, OnnxEncoder):
            from assay.adapters.onnx_embedder import OnnxEmbedder

            tokenizer = self._root / encoder.tokenizer if encoder.tokenizer else None
            return OnnxEmbedder(
                self._root / encoder.path, tokenizer, pooling=encoder.pooling, max_tokens=encoder.max_tokens,
                threads=self._threads, sha256=encoder.sha256,
            )  # fmt: skip
        from assay.adapters.openai_embedder import OpenAIEmbedder

        return OpenAIEmbedder(
            encoder.base_url, encoder.model, encoder.dimensions,
            api_key=secret(encoder.api_key_env) if encoder.api_key_env else None, batch=encoder.batch,
            timeout_s=encoder.timeout_s, max_retries=encoder.max_retries, ask_dimensions=encoder.ask_dimensions,
        )  # fmt: skip


def settings_of(place: Workspace, name: str) -> dict[str, Any] | None:
    """The encoder's settings as JSON values; None for the packaged model and for `none`."""
    if name in (NONE, PACKAGED):
        return None
    return place.settings.embedders[name].model_dump(mode="json")


def frozen(place: Workspace, name: str) -> dict[str, Any]:
    """What a bundle holds of an encoder that is not the packaged one, with the recipe it has now."""
    settings = settings_of(place, name)
    if settings is None:
        return {}
    asking = place.embedders.passages(name, settings)
    return {"encoder": {**settings, "recipe": asking.recipe if asking else ""}}


def thawed(place: Workspace, parts: dict[str, Any]) -> dict[str, Any] | None:
    """A bundle's encoder settings. Raises CannotJudge when the model is no longer the one it was judged with."""
    if "encoder" not in parts:
        return None
    settings = {name: value for name, value in parts["encoder"].items() if name != "recipe"}
    made = place.embedders.passages(str(parts["retrieve"]["embedder"]), settings)
    if made is None or made.recipe != parts["encoder"]["recipe"]:
        raise CannotJudge(
            "bundle.embedder_changed",
            "the model that embeds questions is no longer the one this bundle was frozen with",
            where="encoder", remedy="restore the model's file, or freeze and judge a new bundle",
        )  # fmt: skip
    return settings
