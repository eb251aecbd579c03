"""What `assay.yaml` says about apps: models, search, checks of answers, guards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.wiring.settings_guards import PolicyGuard
from assay.wiring.settings_section import Section
from assay.wiring.settings_tools import ClassificationName


class ExtractiveModel(Section):
    kind: Literal["extractive"] = "extractive"
    max_sentences: int = Field(default=2, ge=1, le=10, description="evidence sentences in one answer")


class OpenAIModel(Section):
    kind: Literal["openai"]
    base_url: str = Field(description="up to and including /v1")
    model: str = Field(description="the model's name at that endpoint")
    api_key_env: str = Field(default="", description="name of the environment variable with the key; empty: no key")
    output: Literal["text", "json"] = Field(default="text", description="json asks for JSON-schema output")
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=800, ge=1)
    timeout_s: float = Field(default=60, gt=0, description="whole answer, retries included")
    first_token_timeout_s: float = Field(default=20, gt=0)
    max_retries: int = Field(default=3, ge=0, le=10, description="only before the first token")
    price_in_usd_per_million: float | None = Field(default=None, ge=0, description="unknown when absent, never free")
    price_out_usd_per_million: float | None = Field(default=None, ge=0)


Model = Annotated[ExtractiveModel | OpenAIModel, Field(discriminator="kind")]


class RetrieveSettings(Section):
    mode: Literal["hybrid", "lexical", "dense"] = "hybrid"
    passages: int = Field(default=8, ge=1, le=50, description="passages handed to the generator")
    candidates: int = Field(default=100, ge=10, le=1000, description="candidates per engine before fusion")
    rrf_k: int = Field(default=60, ge=1, description="constant of reciprocal rank fusion")
    ranker: str = Field(
        default="none", min_length=1, description="a ranker that assay ranker train accepted, by name or id; or none"
    )
    fold_duplicates: bool = Field(
        default=True, description="passages that say the same in the same words are shown once, with where else"
    )
    rewrite: str = Field(
        default="",
        description="a chat model under models that makes follow-up questions stand alone; empty: no model is asked",
    )


class VerifySettings(Section):
    on_failure: Literal["withhold", "mark"] = Field(
        default="withhold", description="what happens to an unsupported sentence"
    )
    min_alignment: float = Field(default=0.6, ge=0, le=1, description="share of content words found in the cited text")


class AbstainSettings(Section):
    threshold: float | Literal["calibrated"] = Field(
        default="calibrated", description="confidence below which the app says that it does not know"
    )
    target_error: float = Field(
        default=0.05, gt=0, lt=1, description="error among answered questions that calibration aims at"
    )


class App(Section):
    kind: Literal["assistant", "planner"] = Field(
        default="assistant", description="planner: calls tools as the user asks; docs/tools-and-taint.md"
    )
    model: str = Field(default="extractive", description="a name under models")
    reader: str = Field(
        default="", description="the model that reads documents in quarantine; empty: the same as model"
    )
    prompt: str = Field(default="", description="system prompt for chat models; empty: the packaged one")
    retrieve: RetrieveSettings = RetrieveSettings()
    verify: VerifySettings = VerifySettings()
    abstain: AbstainSettings = AbstainSettings()
    guards: tuple[str, ...] = Field(
        default=("limits", "visible", "personal_data"), description="names under guards, outermost first"
    )
    max_classification: ClassificationName = Field(
        default="restricted", description="passages of a higher one are never found, shown or cited by this app"
    )


class LimitsGuard(Section):
    kind: Literal["limits"] = "limits"
    max_question_chars: int = Field(default=4000, ge=1, description="longer questions are refused")


class MaskGuard(Section):
    kind: Literal["mask"] = "mask"
    rules: tuple[str, ...] = Field(
        default=("card", "iban", "us_ssn"),
        description="personal data masked in answers: card, iban, us_ssn, email, phone",
    )


class VisibleGuard(Section):
    kind: Literal["visible"] = "visible"
    """Takes hidden characters (zero width, bidirectional, tags) out of questions."""


Guard = Annotated[LimitsGuard | MaskGuard | VisibleGuard | PolicyGuard, Field(discriminator="kind")]
