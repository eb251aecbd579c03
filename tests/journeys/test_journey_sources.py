"""Documents from a repository, a bucket, a website and a plug-in: added, changed, removed, searched."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from git_repository import Repository, repository
from journey import ASSAY, assay, ok, serving
from s3_store import KEYS, S3Store, s3_store
from site_server import Page, SiteServer, site_server

PAGE = Path(__file__).resolve().parents[2] / "docs/connectors.md"
SECRETS = {"BUCKET_KEY": "test", "BUCKET_SECRET": "test"}


@pytest.fixture(scope="module")
def store() -> Iterator[S3Store]:
    with s3_store() as made:
        yield made


@pytest.fixture
def site() -> Iterator[SiteServer]:
    with site_server() as made:
        yield made


def workspace(folder: Path, sources: str, access: str = "") -> Path:
    ok("init", folder)
    config = folder / "assay.yaml"
    text = config.read_text().replace("embedder: minilm", "embedder: none")
    config.write_text(
        re.sub(r"^access:\n(?:[ #].*\n|\n)*", "", text, flags=re.M) + f"\n{access}\nsources:\n{sources}\n"
    )
    return folder


def taken(lab: Path, name: str) -> dict[str, int]:
    """What one sync did, counted by status."""
    report = json.loads(ok("ingest", "--from", name, "-w", lab, "--json", env=SECRETS))
    statuses = [outcome["status"] for outcome in report["outcomes"]]
    return {status: statuses.count(status) for status in set(statuses)}


def test_a_repository_is_followed_commit_by_commit(tmp_path: Path) -> None:
    book: Repository = repository(tmp_path / "book")
    book.write("leave.md", b"# Leave\n\nEvery parent takes 16 weeks.")
    book.write("hr/pay.md", b"# Pay\n\nThe band starts at 91,000 euros.")
    book.commit(1)
    lab = workspace(
        tmp_path / "lab", f"  book: {{kind: git, path: {book.place}, ref: main}}",
        'access:\n  folders:\n    - {path: "book/hr/**", groups: [hr]}',
    )  # fmt: skip
    assert taken(lab, "book") == {"added": 2}
    assert taken(lab, "book") == {"unchanged": 2}
    assert "91,000" not in ok("search", "band euros", "-w", lab)
    assert "91,000" in ok("search", "band euros", "-w", lab, "--group", "hr")
    assert "0 changed" in ok("access", "apply", "-w", lab)
    book.write("leave.md", b"# Leave\n\nEvery parent takes 20 weeks.")
    book.git("rm", "-q", "hr/pay.md")
    book.commit(2)
    assert taken(lab, "book") == {"changed": 1, "deleted": 1}
    found = ok("search", "parent weeks", "-w", lab)
    assert "20 weeks" in found
    with serving(lab, "--open-demo") as server:
        _, body = server.call("/v1/search", {"query": "parent weeks", "mode": "lexical"})
        assert [hit["source_uri"] for hit in body["data"]] == ["book/leave.md"]
    ok("source", "remove", f"git+file://{book.place}@main", "-w", lab)
    assert "20 weeks" not in ok("search", "parent weeks", "-w", lab)


def test_a_bucket_is_followed_and_an_outage_removes_nothing(tmp_path: Path, store: S3Store) -> None:
    store.bucket("handbook")
    client: Any = boto3.client("s3", endpoint_url=store.url, region_name="us-east-1", **KEYS)
    client.put_object(Bucket="handbook", Key="docs/leave.md", Body=b"# Leave\n\nEvery parent takes 16 weeks.")
    client.put_object(Bucket="handbook", Key="docs/old.md", Body=b"# Old\n\nThe fax stands on floor two.")
    lab = workspace(
        tmp_path / "lab",
        f"  bucket: {{kind: s3, bucket: handbook, prefix: docs, endpoint: '{store.url}', timeout_s: 3,"
        " access_key_env: BUCKET_KEY, secret_key_env: BUCKET_SECRET}",
    )
    assert assay("ingest", "--from", "bucket", "-w", lab).code == 64
    assert taken(lab, "bucket") == {"added": 2}
    store.go_away()
    out = assay("ingest", "--from", "bucket", "-w", lab, env=SECRETS)
    assert (out.code, "source.unreachable" in out.err) == (70, True)
    store.come_back()
    assert "fax" in ok("search", "fax floor", "-w", lab)
    client.put_object(Bucket="handbook", Key="docs/leave.md", Body=b"# Leave\n\nEvery parent takes 20 weeks.")
    client.delete_object(Bucket="handbook", Key="docs/old.md")
    assert taken(lab, "bucket") == {"changed": 1, "deleted": 1}
    assert "20 weeks" in ok("search", "parent weeks", "-w", lab)


def test_a_website_is_followed_and_a_page_that_fails_stays(tmp_path: Path, site: SiteServer) -> None:
    site.pages = {
        "/leave": Page(b"<h1>Leave</h1><p>Every parent takes 16 weeks.</p>", lastmod="2026-01-01T00:00:00Z"),
        "/fax": Page(b"<h1>Fax</h1><p>The fax stands on floor two.</p>"),
        "/tools": Page(b"<h1>Tools</h1><p>The ticket tool is named Foxglove.</p>"),
    }
    lab = workspace(tmp_path / "lab", f"  web: {{kind: sitemap, url: '{site.sitemap}', delay_s: 0}}")
    assert taken(lab, "web") == {"added": 3}
    asked = len(site.asked)
    assert taken(lab, "web") == {"unchanged": 3}
    assert site.asked[asked:] == ["/robots.txt", "/sitemap.xml", "/fax", "/tools"]
    site.pages["/leave"] = Page(b"<h1>Leave</h1><p>Every parent takes 20 weeks.</p>", lastmod="2026-02-01T00:00:00Z")
    site.pages["/tools"] = replace(site.pages["/tools"], status=500)
    del site.pages["/fax"]
    assert taken(lab, "web") == {"changed": 1, "failed": 1, "deleted": 1}
    assert "Foxglove" in ok("search", "ticket tool", "-w", lab)
    with serving(lab, "--open-demo") as server:
        _, body = server.call("/v1/search", {"query": "parent weeks", "mode": "lexical"})
        assert [hit["source_uri"] for hit in body["data"]] == [f"{site.url}/leave"]
    assert site.url in ok("source", "list", "-w", lab)


def test_remote_sources_are_looked_at_again_while_watching(tmp_path: Path, site: SiteServer) -> None:
    site.pages = {"/a": Page(b"<p>Every parent takes 16 weeks.</p>")}
    lab = workspace(tmp_path / "lab", f"  web: {{kind: sitemap, url: '{site.sitemap}', delay_s: 0}}")
    command = [ASSAY, "ingest", "--from", "web", "-w", lab, "--watch", "--every", "1", "--no-vectors", "--json"]
    watcher = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert watcher.stdout is not None
    assert '"added"' in watcher.stdout.readline()
    site.pages = {"/b": Page(b"<p>Every parent takes 20 weeks.</p>")}
    line = watcher.stdout.readline()
    assert '"deleted"' in line
    assert '"added"' in line
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 0, err


def test_the_connector_of_the_documentation_works_as_it_stands_there(tmp_path: Path) -> None:
    """Its code, its entry point and its settings are taken from the page."""
    blocks = dict(re.findall(r"```(?:python|toml|yaml)\n# (\S+).*\n((?:.*\n)*?)```", PAGE.read_text()))
    installed = tmp_path / "installed"
    about = installed / "notes_source-1.0.dist-info"
    about.mkdir(parents=True)
    (installed / "notes_source.py").write_text(blocks["notes_source.py"])
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: notes-source\nVersion: 1.0\n")
    point = re.search(r'^(\w+) = "(\S+)"$', blocks["pyproject.toml"], re.M)
    assert point is not None
    (about / "entry_points.txt").write_text(f"[assay.sources]\n{point[1]} = {point[2]}\n")
    there = {"PYTHONPATH": str(installed)}
    lab = workspace(tmp_path / "lab", blocks["assay.yaml"].partition("sources:\n")[2])
    database = tmp_path / "notes.db"
    run_sql(database, "create table notes (name text, body text, changed integer)")
    run_sql(database, "insert into notes values ('leave.md', '# Leave\n\nEvery parent takes 16 weeks.', 1767225600)")
    lacking = assay("ingest", "--from", "notes", "-w", lab)
    assert (lacking.code, "plugin.unknown" in lacking.err) == (64, True)
    assert "1 added" in ok("ingest", "--from", "notes", "-w", lab, env=there, cwd=tmp_path)
    run_sql(database, "update notes set body = '# Leave\n\nEvery parent takes 20 weeks.', changed = changed + 1")
    assert "1 changed" in ok("ingest", "--from", "notes", "-w", lab, env=there, cwd=tmp_path)
    found = ok("search", "parent weeks", "-w", lab)
    assert "20 weeks" in found
    assert "notes/leave.md" in found
    run_sql(database, "drop table notes")
    failed = assay("ingest", "--from", "notes", "-w", lab, env=there, cwd=tmp_path)
    assert (failed.code, "source.plugin_failed" in failed.err) == (70, True)
    assert "20 weeks" in ok("search", "parent weeks", "-w", lab)


def run_sql(database: Path, statement: str) -> None:
    import sqlite3

    with sqlite3.connect(database) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ("  a: {kind: ftp}", "ftp"),
        ("  a: {kind: git, path: x, branch: main}", "branch"),
        ("  a: {kind: git, path: x, ref: '--exec'}", "ref"),
        ("  a: {kind: s3, bucket: b, access_key_env: A}", "belong together"),
        ("  a: {kind: sitemap, url: 'ftp://x'}", "url"),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_its_line(tmp_path: Path, sources: str, expected: str) -> None:
    lab = workspace(tmp_path / "lab", sources)
    done = assay("ingest", "--from", "a", "-w", lab)
    assert done.code == 64
    assert expected in done.err
    assert "assay.yaml" in done.err


def test_two_sources_in_one_place_are_refused(tmp_path: Path) -> None:
    """A sync of the one would take the documents of the other for gone."""
    sources = (
        "  a: {kind: sitemap, url: 'http://127.0.0.1:9/s.xml'}\n  b: {kind: sitemap, url: 'http://127.0.0.1:9/t.xml'}"
    )
    done = assay("ingest", "--from", "a", "-w", workspace(tmp_path / "lab", sources))
    assert (done.code, "source.overlap" in done.err) == (64, True)
