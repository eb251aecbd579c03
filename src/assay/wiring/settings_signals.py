"""Classifiers of one's own in assay.yaml, under `signals`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class OnnxSignalSetting(BaseModel):
    """One ONNX sequence classifier in a local file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Path = Field(description="The .onnx file; a relative path is under the workspace.")
    tokenizer: Path | None = Field(None, description="Its tokenizer.json; default: beside the model.")
    positive: tuple[int, ...] = Field((1,), description="Classes, counted from 0, whose probability is the score.")
    threshold: float = Field(0.5, ge=0.0, le=1.0, description="Score from which a stretch is a finding.")
    max_tokens: int = Field(512, ge=16, le=8192, description="Tokens of a window; longer texts are cut, overlapping.")
    threads: int = Field(0, ge=0, description="Threads of a session; 0 means one per core.")
    sha256: str = Field("", pattern="^([0-9a-fA-F]{64})?$", description="Pins the model file; empty: any.")
