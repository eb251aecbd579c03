"""An app that plans tool calls, and extraction in quarantine, from settings and a bundle's parts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from assay.assist.planner import PlannedSystem, Planner
from assay.assist.quarantine import Extraction, QuarantinedReader
from assay.ports.answering import ChatModel, Retriever, System
from assay.records.access import Scope
from assay.records.chat import ChatOptions
from assay.records.errors import ConfigError, InputError
from assay.records.retrieval import Query
from assay.records.shapes import check_schema
from assay.wiring import apps
from assay.wiring import tools as tool_wiring
from assay.wiring.settings_apps import App, OpenAIModel, RetrieveSettings

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

PLANNER = "planner"
_OPENAI: TypeAdapter[OpenAIModel] = TypeAdapter(OpenAIModel)


def frozen(place: Workspace, settings: App) -> dict[str, Any]:
    """What a bundle holds of a planner besides what every app has; nothing for an assistant, whose id stays."""
    if settings.kind != PLANNER:
        return {}
    reader = settings.reader or settings.model
    return {"kind": PLANNER, "reader": place.settings.models[reader].model_dump(mode="json")}


def planned(place: Workspace, app: str, parts: dict[str, Any], finder: Retriever, chat: ChatModel | None) -> System:
    """The planner of an app with the tools that it may call today. Raises ConfigError `planner.model` where its model
    or its reader is no chat model."""
    known = {
        name: tool
        for name, tool in tool_wiring.tools(place).items()
        if not tool.allow_apps or app in tool.allow_apps
    }  # fmt: skip
    retrieve = RetrieveSettings.model_validate({k: v for k, v in parts["retrieve"].items() if k != "embedder"})
    plans, options = _chat(parts["model"], app, chat)
    reads, reading = _chat(parts["reader"], app, chat)
    return PlannedSystem(
        Planner(plans, known, options), QuarantinedReader(reads, reading), finder, place.clock, retrieve.passages,
        retrieve.mode,
    )  # fmt: skip


def _chat(stated: dict[str, Any], app: str, chat: ChatModel | None) -> tuple[ChatModel, ChatOptions]:
    try:
        model = _OPENAI.validate_python(stated)
    except ValidationError:
        if chat is not None:
            return chat, ChatOptions()
        raise ConfigError(
            "planner.model", "planning and quarantined reading need a chat model", where=f"apps.{app}",
            remedy="name one of kind openai under models",
        ) from None  # fmt: skip
    return chat or apps.chat_model(model), ChatOptions(model.temperature, model.max_tokens)


def read_schema(path: Path) -> dict[str, Any]:
    """A file with the JSON Schema of what to extract. Raises InputError `extract.schema` and ConfigError `schema.*`."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            "extract.schema", f"this is no JSON file ({type(error).__name__})", where=str(path)
        ) from None  # fmt: skip
    check_schema(schema)
    flat = schema["type"] == "object" and schema.get("properties")
    if not flat or any(one["type"] in ("object", "array") for one in schema["properties"].values()):
        raise InputError(
            "extract.schema", "an extraction has one object whose properties are plain values", where=str(path),
            remedy="docs/tools-and-taint.md shows one",
        )  # fmt: skip
    return dict(schema)


def extract(
    place: Workspace, app: str, schema: dict[str, Any], question: str, scope: Scope, chat: ChatModel | None = None
) -> Extraction:
    """Typed values out of the passages that an app finds for a question. Raises ConfigError `planner.model`."""
    name = app or place.default_app
    settings = apps.app_settings(place, name)
    model = place.settings.models[settings.reader or settings.model].model_dump(mode="json")
    reads, options = _chat(model, name, chat)
    running = apps.start_app(place, name, traced=False)
    limit, mode = settings.retrieve.passages, settings.retrieve.mode
    found = running.retriever.retrieve(Query(question, scope, limit, mode))
    reader = QuarantinedReader(reads, options)
    return asyncio.run(reader.read(schema, question, found.ranked[:limit]))
