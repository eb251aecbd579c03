"""What stands on the wire: the OpenAI chat format with Assay's additions, and the other endpoints' bodies."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from assay.records.errors import InputError


class TextPart(msgspec.Struct):
    """One part of a message; only text is understood."""

    type: str
    text: str = ""


class Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """An OpenAI chat completion request. `model` names an app; empty takes the default one.

    The last user message is the question and the turns before it are history. System and developer messages are not
    taken as instructions: a released bundle fixes the prompt. Sampling parameters are accepted and ignored likewise.
    """

    messages: list[Message]
    model: str = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int = 1
    as_of: str = ""
    """A date or time of ISO 8601: answer from the versions that were current then."""
    confirmations: list[str] = []
    """Tokens of approved calls: each is worth one call of a tool, exactly as it was approved."""


class CitationOut(msgspec.Struct):
    """Where the evidence stands: characters `span_start` to `span_end` of the immutable copy `text_sha256`."""

    number: int
    doc_id: str
    text_sha256: str
    span_start: int
    span_end: int
    page: int
    title: str
    source_uri: str
    quote: str
    chunk_id: str
    modified_at: str
    age_days: float | None = None
    """Since the document was modified; null where that is not known."""
    also_in: list[str] = []
    """Other documents that the caller may read and that hold the same words."""
    stale: bool = False
    """True when it misses the objective that `ingest.freshness` sets for it."""


class ConflictOut(msgspec.Struct):
    """What another source, which the caller may read, says against a cited one. `kind` is `number`, `date` or
    `negation`; `fresher` is `cited` or `other`, and empty where the sources' times do not tell."""

    kind: str
    fresher: str
    cited: CitationOut
    other: CitationOut


class UrlCitation(msgspec.Struct):
    """`start_index` and `end_index` count characters of the message's content."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(msgspec.Struct):
    """OpenAI's `url_citation`, with the exact evidence beside it."""

    url_citation: UrlCitation
    assay_citation: CitationOut
    type: Literal["url_citation"] = "url_citation"


class UsageOut(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class WaitingOut(msgspec.Struct):
    """A call that a person settles under `id`."""

    id: str
    tool: str


class AssayOut(msgspec.Struct):
    """What a caller needs to trace, trust and rate the answer. `confidence` is null when it is not known."""

    trace_id: str
    bundle_id: str
    outcome: str
    reason: str
    confidence: float | None
    withheld: int
    marked: int
    conflicts: list[ConflictOut] = []
    classification: str = ""
    """The highest of all that the answer was made from: public, internal, confidential or restricted. Empty: not
    known."""
    integrity: str = ""
    """`untrusted` when any of it was, such as a document that others can write."""
    waiting: list[WaitingOut] = []
    """Calls of tools that a person is asked about first."""
    calls_denied: int = 0


class FunctionCall(msgspec.Struct):
    """`arguments` is a JSON object in a text, as OpenAI writes it."""

    name: str
    arguments: str


class ToolCallOut(msgspec.Struct):
    """A call that the broker let through: run it, or do not. Assay runs none."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


class ToolCallChunk(msgspec.Struct):
    """The same in a stream: always whole."""

    index: int
    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


class MessageOut(msgspec.Struct):
    content: str
    annotations: list[Annotation]
    role: Literal["assistant"] = "assistant"
    tool_calls: list[ToolCallOut] | msgspec.UnsetType = msgspec.UNSET
    """Absent where there is none, as OpenAI's clients expect."""


class ChoiceOut(msgspec.Struct):
    message: MessageOut
    finish_reason: str
    index: int = 0


class ChatResponse(msgspec.Struct):
    id: str
    created: int
    model: str
    choices: list[ChoiceOut]
    usage: UsageOut | None
    assay: AssayOut
    object: Literal["chat.completion"] = "chat.completion"


class Delta(msgspec.Struct, omit_defaults=True):
    role: str = ""
    content: str = ""
    annotations: list[Annotation] = []
    tool_calls: list[ToolCallChunk] = []


class ChunkChoice(msgspec.Struct):
    delta: Delta
    finish_reason: str | None = None
    index: int = 0


class ChatChunk(msgspec.Struct, omit_defaults=True):
    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    object: str = msgspec.field(default_factory=lambda: "chat.completion.chunk")
    usage: UsageOut | None = None
    assay: AssayOut | None = None


class SearchRequest(msgspec.Struct):
    query: str
    limit: int = 10
    mode: Literal["hybrid", "lexical", "dense"] = "hybrid"
    app: str = ""
    as_of: str = ""


class StageScore(msgspec.Struct):
    rank: int
    score: float


class SearchHit(msgspec.Struct):
    chunk_id: str
    doc_id: str
    text_sha256: str
    span_start: int
    span_end: int
    page: int
    title: str
    heading_path: list[str]
    source_uri: str
    modified_at: str
    language: str
    text: str
    score: float
    stages: dict[str, StageScore]
    also_in: list[str] = []
    """Documents with nearly the same passage, folded into this one."""


class SearchResponse(msgspec.Struct):
    data: list[SearchHit]
    mode: str
    snapshot_id: str
    stage_ms: dict[str, float]
    object: Literal["list"] = "list"


class FeedbackRequest(msgspec.Struct):
    trace_id: str
    rating: Literal["up", "down"]
    comment: str = ""


class FeedbackResponse(msgspec.Struct):
    feedback_id: str
    trace_id: str


class ModelOut(msgspec.Struct):
    id: str
    bundle_id: str
    ready: bool
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: Literal["assay"] = "assay"


class ModelList(msgspec.Struct):
    data: list[ModelOut]
    object: Literal["list"] = "list"


class TextResponse(msgspec.Struct):
    """Characters `start` to `end` of a document's immutable copy of `chars` characters."""

    doc_id: str
    text_sha256: str
    title: str
    source_uri: str
    chars: int
    start: int
    end: int
    text: str


class ErrorBody(msgspec.Struct):
    message: str
    type: str
    code: str
    param: str | None = None


class ErrorOut(msgspec.Struct):
    error: ErrorBody


encoder = msgspec.json.Encoder()
Shape = TypeVar("Shape")
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def decode(body: bytes, shape: type[Shape]) -> Shape:
    """A request's body. Raises InputError that names the place, and never what stood there."""
    decoder = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.json.Decoder(shape)
    try:
        decoded: Shape = decoder.decode(body)
    except msgspec.ValidationError as error:
        _, _, where = str(error).rpartition(" - at `")
        raise InputError(
            "serve.invalid_request",
            "the request's body does not have the expected shape",
            where=where.rstrip("`") if where != str(error) else "$",
            remedy="see /openapi.json",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last for what is nested without end
        raise InputError("serve.invalid_json", "the request's body is not JSON in UTF-8") from None
    return decoded
