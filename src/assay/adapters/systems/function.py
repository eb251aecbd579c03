"""A Python function as a system under test. It runs in this process with all that this process may do: for code that
one trusts, never for anybody else's."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.adapters.systems.said import KEYS, BadReply, events
from assay.assist.closing import closing
from assay.assist.failing import finished_on_failure
from assay.ports.reading import Clock
from assay.records.dialogue import ReplyEvent, Request
from assay.records.errors import ConfigError, Unavailable


@dataclass(frozen=True)
class FunctionSystem:
    """A `System` over `function(question)` or `function(question, history)`, which gives a text or a dict of the keys
    in `said.KEYS`. A plain function runs in a thread. What it raises is a failed reply (`function.raised`, with the
    exception's type as detail), and so is a wrong type (`function.bad_reply`)."""

    name: str
    function: Callable[..., Any]
    source_sha256: str
    """Of the file that the function stands in: what decides its replies as far as that can be seen. What it imports
    is not in it."""
    with_history: bool
    clock: Clock

    @property
    def recipe(self) -> str:
        return f"python.v1({self.name}, source={self.source_sha256[:12]})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        started = self.clock.monotonic()
        async with closing(finished_on_failure(self._steps(request, started), self.clock, started)) as steps:
            async for event in steps:
                yield event

    async def _steps(self, request: Request, started: float) -> AsyncIterator[ReplyEvent]:
        said = await self._called(request)
        took = 1000.0 * (self.clock.monotonic() - started)
        try:
            made = list(events(_values(said), took))
        except BadReply as error:
            raise Unavailable(
                "function.bad_reply", f"the function gave a value of a wrong type ({error.key})", where=self.name,
                remedy=f"give a text, or a dict with some of {', '.join(sorted(KEYS))}",
            ) from None  # fmt: skip
        for event in made:
            yield event

    async def _called(self, request: Request) -> Any:
        history = [{"role": turn.role, "content": turn.content} for turn in request.history]
        more = {"history": history} if self.with_history else {}
        try:
            if inspect.iscoroutinefunction(self.function):
                return await self.function(request.question, **more)
            said = await _in_thread(partial(self.function, request.question, **more))
            return await said if inspect.isawaitable(said) else said
        except Exception as error:
            raise Unavailable(
                f"function.raised.{type(error).__name__}", "the function raised an exception", where=self.name
            ) from error


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Call it in a thread of its own that nobody waits for at the end: a function that never returns costs its sample
    and nothing else. How many there are at once, the engine decides."""
    loop = asyncio.get_running_loop()
    coming: asyncio.Future[Any] = loop.create_future()

    def tell(value: Any, error: BaseException | None) -> None:
        if not coming.done():
            coming.set_exception(error) if error is not None else coming.set_result(value)

    def work() -> None:
        value: Any = None
        failure: Exception | None = None
        try:
            value = function()
        except StopIteration:
            failure = RuntimeError("StopIteration")  # a future cannot hold it
        except BaseException as error:  # noqa: BLE001 - it is raised again, where the reply is awaited
            failure = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
        with contextlib.suppress(RuntimeError):  # the loop has ended without it
            loop.call_soon_threadsafe(tell, value, failure)

    threading.Thread(target=work, name="assay-function", daemon=True).start()
    return await coming


def _values(said: Any) -> Mapping[str, Any]:
    if isinstance(said, str):
        return {"answer": said}
    if not isinstance(said, Mapping):
        raise BadReply("the reply itself")
    unknown = [key for key in said if key not in KEYS]
    if unknown:
        raise BadReply("a key that is not known")
    return said


def load_function(reference: str, root: Path, clock: Clock) -> FunctionSystem:
    """`module:function` or `file.py:function`; modules in `root` are found, too. Raises ConfigError with the codes
    `system.function`, `system.no_module`, `system.no_function` and `system.import_failed`."""
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise ConfigError(
            "system.function", "a Python function is written module:function", where=reference,
            remedy="such as python:bot:answer, or python:tools/bot.py:answer",
        )  # fmt: skip
    module = _module(place, root, reference)
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError("system.no_function", "the module has no function of this name", where=reference)
    return FunctionSystem(reference, function, _source_sha256(module), _takes_history(function, reference), clock)


def _module(place: str, root: Path, reference: str) -> ModuleType:
    try:
        if place.endswith(".py"):
            return _from_file(root / place, reference)
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        return importlib.import_module(place)
    except ConfigError:
        raise
    except ModuleNotFoundError as error:
        if error.name and place.startswith(error.name):
            raise ConfigError(
                "system.no_module", "no module of this name is found", where=reference,
                remedy="install it here, or put its file beside assay.yaml",
            ) from None  # fmt: skip
        raise _failed(error, reference) from error
    except Exception as error:
        raise _failed(error, reference) from error


def _failed(error: Exception, reference: str) -> ConfigError:
    return ConfigError(
        "system.import_failed", f"the module cannot be imported ({type(error).__name__})", where=reference,
        remedy="import it with python to see why",
    )  # fmt: skip


def _from_file(path: Path, reference: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError("system.no_module", "there is no such file", where=reference)
    name = f"assay_system_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _source_sha256(module: ModuleType) -> str:
    path = getattr(module, "__file__", None)
    data = Path(path).read_bytes() if path else module.__name__.encode()
    return hashlib.sha256(data).hexdigest()


def _takes_history(function: Callable[..., Any], reference: str) -> bool:
    """Whether it wants the history, too. Raises ConfigError when it can take neither one argument nor two."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    more: dict[str, list[Any]] = {"history": []} if "history" in signature.parameters else {}
    try:
        signature.bind("", **more)
    except TypeError:
        raise ConfigError(
            "system.function", "the function takes neither (question) nor (question, history)", where=reference
        ) from None
    return bool(more)
