"""What is looked for at ingestion that may have been planted, and the corpus scan: the settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# YAML 1.1 reads a bare `off` as false.
Action = Annotated[
    Literal["off", "note", "quarantine"], BeforeValidator(lambda given: "off" if given is False else given)
]


class ChecksSettings(BaseModel):
    """`note` counts a finding; `quarantine` keeps the document from search until somebody decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden_text: Action = Field(default="note", description="text that no reader of the document sees")
    hidden_instructions: Action = Field(
        default="quarantine", description="instructions to an assistant where no reader sees them"
    )
    instructions: Action = Field(default="note", description="instructions to an assistant in the open")
    near_duplicate: Action = Field(default="note", description="next to the same words as another document")
    altered_copy: Action = Field(
        default="note", description="the words of another document but for a few numbers or addresses"
    )
    contradiction: Action = Field(
        default="note", description="another value than all other documents that speak of the same"
    )
    stuffing: Action = Field(default="note", description="paragraphs made to be found by every question")
