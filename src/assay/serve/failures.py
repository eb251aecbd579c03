"""Failures on the wire: OpenAI's error shape, an HTTP status, a stable code, and nothing the caller wrote."""

from __future__ import annotations

from starlette.responses import Response

from assay.records.dialogue import Finished
from assay.records.errors import AccessDenied, AssayError, Busy, NotFound, Unavailable, UsageError
from assay.serve.wire import ErrorBody, ErrorOut, encoder

STATUS_BY_CODE = {
    "serve.unauthorized": 401,
    "serve.too_large": 413,
    "serve.slow_body": 408,
    "serve.method": 405,
    "chat.timeout": 504,
    "chat.rate_limited": 503,
    "broker.settled": 409,
    "broker.result_too_long": 413,
}


def status_of(error: AssayError) -> int:
    """The HTTP status that fits."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    for kind, status in ((AccessDenied, 403), (NotFound, 404), (Busy, 503), (UsageError, 400), (Unavailable, 503)):
        if isinstance(error, kind):
            return status
    return 500


def failed_status(finished: Finished) -> int:
    """The HTTP status of an answer that failed."""
    return STATUS_BY_CODE.get(finished.reason, 502 if finished.reason.startswith("chat.") else 500)


def error_out(code: str, message: str, status: int, param: str | None = None) -> ErrorOut:
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return ErrorOut(ErrorBody(message, kind, code, param))


def error_response(error: AssayError) -> Response:
    """`where` stands in `param`; server-side places stay inside."""
    status = status_of(error)
    message = error.what + (f" ({error.remedy})" if error.remedy else "")
    return plain_error(error.code, message, status, error.where if status < 500 and error.where else None)


def plain_error(code: str, message: str, status: int, param: str | None = None) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = encoder.encode(error_out(code, message, status, param))
    return Response(body, status, headers, media_type="application/json")


def internal_error() -> Response:
    return plain_error("serve.internal", "the server failed; its log says where", 500)
