"""A Git repository that a test fills."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repository:
    place: Path

    def git(self, *arguments: str, second: int = 0) -> str:
        moment = f"{1_700_000_000 + second} +0000"
        who = {"NAME": "n", "EMAIL": "n@example.org", "DATE": moment}
        people = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        done = subprocess.run(
            ["git", "-C", str(self.place), *arguments],
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **people},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, relative: str, data: bytes) -> None:
        path = self.place / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def commit(self, second: int = 0) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x", second=second)
        return self.git("rev-parse", "HEAD")


def repository(place: Path) -> Repository:
    place.mkdir(parents=True)
    made = Repository(place)
    made.git("init", "-q", "-b", "main")
    return made
