"""How a server is run: address, limits, and whether a demo answers on loopback without a key."""

from __future__ import annotations

from dataclasses import dataclass

from assay.records.access import Scope


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """`open_demo` lets callers on this machine in without a key, as `demo_scope`, and only when `host` is loopback."""

    host: str = "127.0.0.1"
    port: int = 8321
    """0 takes any free port."""
    open_demo: bool = False
    demo_scope: Scope = Scope()
    poll_s: float = 0.2
    """How often the release pointers and, for keys in use, revocations are looked at."""
    key_ttl_s: float = 0.5
    session_s: float = 12 * 3600.0
    max_body_bytes: int = 1 << 20
    max_question_chars: int = 8_000
    body_timeout_s: float = 15.0
    send_timeout_s: float = 60.0
    """A client that does not take what is sent for so long is let go."""
    max_connections: int = 1_000
