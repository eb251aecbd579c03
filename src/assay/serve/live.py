"""What is live for each app: follows the release pointers and swaps whole bundles without a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic

from assay.records.bundles import Pointer
from assay.records.errors import AssayError, NotFound, Unavailable
from assay.wiring.workspace import Running, Services

log = logging.getLogger("assay.serve")

HEAD_S = 1.0
"""How often the index is looked at for apps that run without a bundle."""
RETRY_S = 5.0
"""A bundle that could not be started is tried again after so long."""
KEPT_WARM = 2
"""How many earlier bundles of an app stay ready, so that a rollback needs no building."""
FIRST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class AppState:
    """An app as it is served. `wanted` is what the pointer says; `error` why that is not what runs."""

    app: str
    bundle_id: str = ""
    wanted: str = ""
    revision: int = 0
    ready: bool = False
    error: str = ""


@dataclass
class Live:
    """Looks at the pointers every `poll_s`, builds in a thread, then swaps one reference.

    Streams that run keep the system they began with. A bundle that cannot be started leaves the old one live. An app
    without a promoted bundle runs as configured and is made anew when the index has a new state.
    """

    services: Services
    poll_s: float = 0.2
    _running: dict[str, Running] = field(default_factory=dict, init=False)
    _warm: dict[str, dict[str, Running]] = field(default_factory=dict, init=False)
    _states: dict[str, AppState] = field(default_factory=dict, init=False)
    _failed: dict[str, tuple[str, float]] = field(default_factory=dict, init=False)
    _heads: dict[str, str] = field(default_factory=dict, init=False)
    """The index state that apps without a bundle were started on."""
    _head: tuple[float, str] = field(default=(0.0, ""), init=False)
    _first: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> None:
        self._states = {app: AppState(app, error="serve.starting") for app in self.services.apps}
        self._task = asyncio.create_task(self._follow(), name="assay-live")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def running(self, app: str) -> Running:
        """What answers for `app` (empty: the default app). Raises NotFound, or Unavailable when nothing could start."""
        name = app or self.services.default_app
        if name not in self.services.apps:
            raise NotFound("serve.no_app", "there is no such app", remedy="see /v1/models for the apps that are served")
        if name not in self._running:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._first.wait(), FIRST_WAIT_S)
        if name not in self._running:
            raise Unavailable(
                "serve.not_ready", "this app could not be started", where=self._states[name].error, remedy="see /readyz"
            )
        return self._running[name]

    def states(self) -> tuple[AppState, ...]:
        """Every app, in the order of the configuration."""
        return tuple(self._states.get(app, AppState(app, error="serve.starting")) for app in self.services.apps)

    @property
    def ready(self) -> bool:
        """Every app answers, though perhaps still with the bundle before."""
        return all(state.ready for state in self.states())

    async def _follow(self) -> None:
        while True:
            await self.look()
            self._first.set()
            await asyncio.sleep(self.poll_s)

    async def look(self) -> None:
        """One look at the pointers, and the swaps they ask for."""
        try:
            pointers = await asyncio.to_thread(self._pointers)
        except Exception as error:  # noqa: BLE001 - the loop that takes up a rollback must survive a failing store
            code = error.code if isinstance(error, AssayError) else f"serve.store.{type(error).__name__}"
            log.error("the release pointers cannot be read: %s", code)
            self._states = {app: replace(state, error=code) for app, state in self._states.items()}
            return
        await asyncio.gather(*(self._bring_up(app, pointer) for app, pointer in pointers.items()))

    def _pointers(self) -> dict[str, Pointer | None]:
        pointers = {app: self.services.stores.releases.pointer(app) for app in self.services.apps}
        if None in pointers.values() and monotonic() >= self._head[0]:
            self._head = (monotonic() + HEAD_S, self.services.index.head().snapshot_id)
        return pointers

    async def _bring_up(self, app: str, pointer: Pointer | None) -> None:
        wanted, revision = (pointer.bundle_id, pointer.revision) if pointer else ("", 0)
        current = self._running.get(app)
        same_index = bool(wanted) or self._heads.get(app) == self._head[1]
        if current is not None and current.bundle_id == wanted and same_index:
            self._note(app, wanted, revision, "")
            return
        failed = self._failed.get(app)
        if failed is not None and failed[0] == wanted and monotonic() < failed[1]:
            return
        head = self._head[1]
        running = self._warm.get(app, {}).get(wanted)
        if running is None:
            running = await self._build(app, wanted, revision)
        if running is not None:
            self._heads[app] = head
            self._swap(app, running)
            self._note(app, wanted, revision, "")

    async def _build(self, app: str, wanted: str, revision: int) -> Running | None:
        try:
            return await asyncio.to_thread(self._starter(app, wanted))
        except Exception as error:  # noqa: BLE001 - whatever a bundle does when it starts, the old one must stay live
            code = error.code if isinstance(error, AssayError) else f"serve.start_failed.{type(error).__name__}"
            log.error("app %s: bundle %s cannot be started: %s", app, wanted[:12] or "(none)", code)
            self._failed[app] = (wanted, monotonic() + RETRY_S)
            self._note(app, wanted, revision, code)
            return None

    def _starter(self, app: str, wanted: str) -> Callable[[], Running]:
        services = self.services
        if not wanted:
            return lambda: services.start_app(app)
        return lambda: services.start_bundle(services.stores.bundles.get(wanted))

    def _swap(self, app: str, running: Running) -> None:
        before = self._running.get(app)
        self._running[app] = running
        self._failed.pop(app, None)
        warm = self._warm.setdefault(app, {})
        warm.pop(running.bundle_id, None)
        if before is not None and before.bundle_id:
            warm[before.bundle_id] = before
        while len(warm) > KEPT_WARM:
            warm.pop(next(iter(warm)))
        if before is None or before.bundle_id != running.bundle_id:
            log.info("app %s: bundle %s is live", app, running.bundle_id[:12] or "(none, as configured)")

    def _note(self, app: str, wanted: str, revision: int, error: str) -> None:
        running = self._running.get(app)
        self._states[app] = AppState(
            app, running.bundle_id if running else "", wanted, revision, running is not None, error
        )
