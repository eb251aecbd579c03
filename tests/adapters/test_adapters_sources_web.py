"""A website as a source: what server and robots.txt say, what a sitemap may not do, and a site that is down."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.parsers.registry import parsers
from assay.adapters.sources.fetching import Site, origin_of
from assay.adapters.sources.robots import robots
from assay.adapters.sources.sitemap_tree import SitemapTree, page_address
from assay.ingest.roots import source_path, source_uri
from assay.records.errors import AssayError, InputError, NotFound, Unavailable
from site_server import Page, SiteServer, site_server

NOW = datetime(2026, 3, 10, 12, 0, 0, 5000, UTC)


@pytest.fixture
def site() -> Iterator[SiteServer]:
    with site_server() as made:
        yield made


@pytest.fixture
def tree(site: SiteServer) -> Iterator[SitemapTree]:
    made = SitemapTree(site.sitemap, site=Site("", delay_s=0, timeout_s=5), now=lambda: NOW)
    yield made
    made.close()


def found(tree: SitemapTree) -> dict[str, str]:
    return {entry.relative: entry.problem for entry in tree.walk(tree.root)}


def code(tree: SitemapTree, path: str, limit: int = 10_000) -> str:
    with pytest.raises(AssayError) as caught:
        tree.read(path, limit)
    return caught.value.code


def test_a_page_without_a_suffix_is_html_and_the_media_type_has_the_last_word(
    site: SiteServer, tree: SitemapTree
) -> None:
    site.pages = {
        "/": Page(b"<p>home"),
        "/guide/": Page(b"<p>guide"),
        "/get?id=5": Page(b"%PDF-1.7", "application/pdf"),
        "/notes.md": Page(b"# Notes", "text/plain"),
        "/v1.2": Page(b"<p>version"),
        "/logo": Page(b"PNG", "image/png"),
    }
    assert set(found(tree)) == {"index.html", "guide/index.html", "get.html", "notes.md", "v1.2.html", "logo.html"}
    tree.read(f"{site.url}/get?id=5", 100)
    assert tree.named(f"{site.url}/get?id=5", "get.html") == "get.html.pdf"
    tree.read(f"{site.url}/notes.md", 100)
    assert tree.named(f"{site.url}/notes.md", "notes.md") == "notes.md"
    assert code(tree, f"{site.url}/logo") == "ingest.unsupported_type"


def test_the_character_set_of_the_header_counts(site: SiteServer, tree: SitemapTree) -> None:
    """Whatever the page says of itself."""
    text = '<html><head><meta charset="utf-8"></head><body><p>Grüße aus Köln</p></body></html>'
    site.pages = {"/a": Page(text.encode("latin-1"), "text/html; charset=iso-8859-1")}
    data = tree.read(f"{site.url}/a", 10_000)
    assert [parsed.text for parsed in parsers()[".html"].parse(data, "a.html")] == ["Grüße aus Köln"]


def test_lastmod_is_the_time_and_a_page_without_it_is_new_every_time(site: SiteServer, tree: SitemapTree) -> None:
    """A day that is not over says nothing about its hours."""
    site.pages = {
        "/a": Page(lastmod="2026-01-05T10:00:00Z"),
        "/b": Page(lastmod="2025"),
        "/c": Page(lastmod="2026-03-10"),
        "/d": Page(lastmod="soon"),
        "/e": Page(),
    }
    times = {entry.relative: entry.mtime_ns for entry in tree.walk(tree.root)}
    day = int(datetime(2026, 3, 10, tzinfo=UTC).timestamp())
    assert times["a.html"] == int(datetime(2026, 1, 5, 10, tzinfo=UTC).timestamp()) * 10**9
    assert times["b.html"] == int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    assert times["c.html"] // 10**9 == day
    assert times["c.html"] % 10**9 > 0
    assert times["d.html"] == times["e.html"] == int(NOW.timestamp() * 10**6) * 1000


def test_an_index_packed_or_not_is_followed(site: SiteServer, tree: SitemapTree) -> None:
    part = gzip.compress(f"<urlset><url><loc>{site.url}/a</loc></url></urlset>".encode())
    index = f"<sitemapindex><sitemap><loc>{site.url}/part.xml.gz</loc></sitemap></sitemapindex>".encode()
    site.pages = {"/sitemap.xml": Page(index), "/part.xml.gz": Page(part, "application/gzip"), "/a": Page(b"<p>a")}
    assert found(tree) == {"a.html": ""}


def test_a_page_that_the_server_sends_packed_is_unpacked_within_the_limit(site: SiteServer, tree: SitemapTree) -> None:
    site.pages = {"/a": Page(gzip.compress(b"x" * 1_000_000), encoding="gzip"), "/b": Page(b"x" * 2_000)}
    assert tree.read(f"{site.url}/a", 1_000_000) == b"x" * 1_000_000
    assert code(tree, f"{site.url}/a", 999_999) == code(tree, f"{site.url}/b", 1_999) == "ingest.too_large"


def test_addresses_elsewhere_and_nonsense_are_reported(site: SiteServer, tree: SitemapTree) -> None:
    locations = ["https://example.org/x", f"{site.url}:1/x", "/etc/passwd", f"http://u:p@127.0.0.1:{site.port}/x",
                 f"{site.url}/ok#part", f"{site.url}/ok", f"{site.url}/%2e%2e/up"]  # fmt: skip
    listing = "".join(f"<url><loc>{one}</loc></url>" for one in locations)
    site.pages = {"/sitemap.xml": Page(f"<urlset>{listing}</urlset>".encode())}
    problems = found(tree)
    assert (problems.pop("ok.html"), problems.pop("up.html")) == ("", "")
    assert set(problems.values()) == {"ingest.off_host"}
    assert len(problems) == 4


def test_robots_txt_is_obeyed_for_pages_and_for_where_they_lead(site: SiteServer, tree: SitemapTree) -> None:
    site.pages = {
        "/robots.txt": Page(
            b"User-agent: *\nDisallow: /private/\nAllow: /private/open\nDisallow: /*.pdf$", listed=False
        ),
        "/private/a": Page(b"<p>a"),
        "/private/open": Page(b"<p>b"),
        "/file.pdf": Page(b"%PDF"),
        "/way": Page(status=302, location="/private/a"),
    }
    assert found(tree) == {
        "private/a.html": "ingest.robots",
        "private/open.html": "",
        "file.pdf": "ingest.robots",
        "way.html": "",
    }
    assert code(tree, f"{site.url}/way") == "ingest.robots"


@pytest.mark.parametrize("status", [500, 503])
def test_nothing_is_listed_while_robots_txt_or_the_sitemap_cannot_be_had(
    site: SiteServer, tree: SitemapTree, status: int
) -> None:
    """So that nothing is taken for gone."""
    site.pages = {"/a": Page(b"a"), "/robots.txt": Page(status=status, listed=False)}
    with pytest.raises(Unavailable):
        found(tree)
    site.pages = {"/sitemap.xml": Page(status=status)}
    with pytest.raises(Unavailable) as caught:
        found(tree)
    assert caught.value.code == "source.unreachable"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Page(status=404), "ingest.no_source"),
        (Page(b"<html><body>Sorry</body></html>"), "source.no_sitemap"),
        (Page(b"no xml"), "source.no_sitemap"),
        (Page(b"\x1f\x8bbroken"), "source.no_sitemap"),
        (Page(b"<sitemapindex><sitemap><loc>http://example.org/s.xml</loc></sitemap></sitemapindex>"),
         "source.sitemap_off_host"),
        (Page(status=302, location="http://localhost:1/s.xml"), "ingest.redirect_off_host"),
    ],
)  # fmt: skip
def test_a_sitemap_that_is_none_is_a_clear_error(
    site: SiteServer, tree: SitemapTree, page: Page, expected: str
) -> None:
    site.pages = {"/sitemap.xml": page}
    with pytest.raises(AssayError) as caught:
        found(tree)
    assert caught.value.code == expected


def test_entities_of_a_sitemap_are_not_expanded(site: SiteServer, tree: SitemapTree) -> None:
    bomb = '<!DOCTYPE s [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><urlset><url><loc>http://h/&b;</loc></url></urlset>'
    site.pages = {"/sitemap.xml": Page(bomb.encode())}
    assert all(problem for problem in found(tree).values())


def test_more_pages_than_allowed_are_refused_whole(site: SiteServer, tree: SitemapTree) -> None:
    """Leaving some out would take them for gone."""
    site.pages = {f"/{number}": Page() for number in range(4)}
    tree.max_pages = 3
    with pytest.raises(InputError) as caught:
        found(tree)
    assert caught.value.code == "source.too_many_pages"


def test_what_goes_wrong_with_one_page_is_told_of_that_page(site: SiteServer, tree: SitemapTree) -> None:
    site.pages = {
        "/gone": Page(status=410),
        "/broken": Page(status=500),
        "/away": Page(status=301, location="https://example.org/"),
        "/inside": Page(status=301, location="/there#part"),
        "/there": Page(b"<p>there"),
        "/round": Page(status=302, location="/round"),
    }
    assert code(tree, f"{site.url}/gone") == "ingest.no_source"
    assert code(tree, f"{site.url}/broken") == "ingest.http_status"
    assert code(tree, f"{site.url}/away") == "ingest.redirect_off_host"
    assert code(tree, f"{site.url}/round") == "ingest.too_many_redirects"
    assert tree.read(f"{site.url}/inside", 100) == b"<p>there"


def test_a_silent_page_fails_alone_and_a_silent_site_ends_the_sync(site: SiteServer, tree: SitemapTree) -> None:
    site.pages = {"/slow": Page(silent_s=30), "/a": Page(b"<p>a")}
    tree.site.timeout_s = 0.05
    assert code(tree, f"{site.url}/slow") == "ingest.unreachable"
    tree.site.timeout_s = 5
    tree.read(f"{site.url}/a", 100)
    tree.site.timeout_s = 0.05
    codes = [code(tree, f"{site.url}/slow") for _ in range(5)]
    assert codes == ["ingest.unreachable"] * 4 + ["source.unreachable"]


def test_requests_keep_the_distance_that_setting_or_robots_txt_ask_for(site: SiteServer) -> None:
    waited: list[float] = []
    clock = [0.0]
    made = SitemapTree(site.sitemap, site=Site("", delay_s=2, pause=waited.append, now=lambda: clock[0]))
    site.pages = {"/robots.txt": Page(b"User-agent: assay\nCrawl-delay: 7", listed=False), "/a": Page(b"<p>a")}
    list(made.walk(made.root))
    made.read(f"{site.url}/a", 100)
    made.close()
    assert waited == [7, 7]


def test_a_site_that_is_not_there_is_unavailable() -> None:
    made = SitemapTree("http://127.0.0.1:9/sitemap.xml", site=Site("", timeout_s=5))
    with pytest.raises(Unavailable):
        list(made.walk(made.root))
    made.close()


RFC_9309 = """
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


@pytest.mark.parametrize(
    ("agent", "target", "allowed"),
    [
        ("other", "/a.gif", False), ("other", "/a.gif?x", True), ("other", "/example/x", False),
        ("other", "/publications/x", True), ("foobot", "/x", False), ("foobot", "/example/page.html", True),
        ("barbot", "/example/page.html", False), ("bazbot", "/example/page.html", False), ("bazbot", "/x.gif", True),
        ("quxbot", "/example/x", True), ("FOOBOT", "/x", False), ("other", "/ex%61mple/x", False),
    ],
)  # fmt: skip
def test_the_example_of_rfc_9309_decides_as_it_says(agent: str, target: str, allowed: bool) -> None:
    """Section 5.1; the longest match wins, and quoted letters are the letters."""
    assert robots(RFC_9309, agent).allows(target) is allowed


@given(st.text(max_size=30), st.text(max_size=10))
def test_an_address_has_one_spelling_that_stands_for_itself(path: str, query: str) -> None:
    """Whatever a sitemap writes: taken, it is an address of the host, and no further spelling changes it."""
    made = page_address(f"https://host/{path}?{query}", "https://host")
    if made:
        assert page_address(made, "https://host") == made
        assert origin_of(made) == "https://host"
        assert source_path(source_uri(made)) == made == source_uri(made)


def test_missing_is_told_from_unlisted(site: SiteServer, tree: SitemapTree) -> None:
    """A page that is not in the sitemap any more does not exist, also while the server still has it."""
    site.pages = {"/a": Page(b"<p>a", listed=False), "/b": Page(b"<p>b")}
    assert not tree.exists(f"{site.url}/a")
    assert tree.exists(f"{site.url}/b")
    with pytest.raises(NotFound):
        tree.read(f"{site.url}/c", 100)
