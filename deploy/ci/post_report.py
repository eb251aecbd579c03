"""Posts a report as a comment on the pull or merge request that this job runs for, replacing the one before.

    python post_report.py assay-report/gate.md

Standard library only. GitHub: GITHUB_TOKEN, GITHUB_REPOSITORY, PULL_REQUEST and GITHUB_API_URL. GitLab:
ASSAY_GITLAB_TOKEN, CI_PROJECT_ID, CI_MERGE_REQUEST_IID and CI_API_V4_URL. Secrets go into one header and nowhere else.
Exit code 0 when the report stands there, 1 when it could not be posted, with the reason and never the answer's text.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARKER = "<!-- assay report -->"
MOST = 60_000
"""GitHub takes 65,536 characters, GitLab a million."""
PAGES = 20


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token must not travel to another address."""

    def redirect_request(self, *_args: Any, **_kept: Any) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def call(method: str, url: str, headers: dict[str, str], body: dict[str, str] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    sent = {**headers, "content-type": "application/json"}
    request = urllib.request.Request(url, data, sent, method=method)  # noqa: S310 - the host of the job itself
    with OPENER.open(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def put(
    comments: str, one: str, headers: dict[str, str], text: str, edit: str, ours: Callable[[dict[str, Any]], bool]
) -> str:
    """Replace our own comment, or write the first one. `one` is the address of a comment up to its id. A comment that
    somebody else began with the marker is left alone: its author could change the verdict afterwards."""
    for page in range(1, PAGES + 1):
        listed = call("GET", f"{comments}?per_page=100&page={page}", headers)
        for comment in listed:
            if str(comment.get("body", "")).startswith(MARKER) and ours(comment):
                call(edit, f"{one}/{int(comment['id'])}", headers, {"body": text})
                return "replaced"
        if len(listed) < 100:
            break
    call("POST", comments, headers, {"body": text})
    return "posted"


def post(text: str) -> str:
    env = os.environ
    if env.get("GITHUB_REPOSITORY") and env.get("PULL_REQUEST"):
        base = f"{env.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{env['GITHUB_REPOSITORY']}/issues"
        headers = {"authorization": f"Bearer {env['GITHUB_TOKEN']}", "accept": "application/vnd.github+json"}
        comments = f"{base}/{int(env['PULL_REQUEST'])}/comments"
        return put(comments, f"{base}/comments", headers, text, "PATCH", lambda one: one["user"]["type"] == "Bot")
    if env.get("CI_PROJECT_ID") and env.get("CI_MERGE_REQUEST_IID"):
        at = f"{env['CI_API_V4_URL']}/projects/{int(env['CI_PROJECT_ID'])}"
        notes = f"{at}/merge_requests/{int(env['CI_MERGE_REQUEST_IID'])}/notes"
        headers = {"private-token": env["ASSAY_GITLAB_TOKEN"]}
        me = call("GET", f"{env['CI_API_V4_URL']}/user", headers)["id"]
        return put(notes, notes, headers, text, "PUT", lambda one: one["author"]["id"] == me)
    raise KeyError("PULL_REQUEST or CI_MERGE_REQUEST_IID")


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: post_report.py REPORT.md", file=sys.stderr)
        return 64
    try:
        text = Path(sys.argv[1]).read_text(encoding="utf-8")
        if not text.startswith(MARKER):
            text = f"{MARKER}\n{text}"
        if len(text) > MOST:
            text = text[:MOST].rsplit("\n", 1)[0] + "\n\n…\n\nCut here; the whole report is an artefact of the job.\n"
        print(f"report {post(text)}")
    except urllib.error.HTTPError as error:
        print(f"not posted: the host answered {error.code}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"not posted: {error.args[0]} is not set", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"not posted: {type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
