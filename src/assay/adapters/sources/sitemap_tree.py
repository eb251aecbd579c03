"""A website as an ingest source: the pages that its sitemap lists (sitemaps.org protocol 0.9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote, urlsplit

from assay.adapters.parsers.markup_xml import children, local, xml_root
from assay.adapters.sources.fetching import AGENT, Fetched, Site, TooLarge, origin_of, unpacked
from assay.adapters.sources.robots import Robots, robots
from assay.adapters.sources.routed import gone, too_large
from assay.ports.reading import SourceEntry
from assay.records.errors import AssayError, InputError, NotFound, Unavailable

_MB = 1_000_000
_MOST_SITEMAP, _MOST_ROBOTS = 50 * _MB, _MB
_MOST_SITEMAPS = 500
_MOST_DELAY_S = 60.0
_MOST_ADDRESS = 2048
_IN_A_ROW = 5
"""So many pages in a row without an answer end the sync: the site is down, and waiting for each would take hours."""
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-rst": ".rst",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/x-ipynb+json": ".ipynb",
    "application/epub+zip": ".epub",
    "application/zip": ".zip",
    "message/rfc822": ".eml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.ms-excel": ".xls",
}
_KNOWN = frozenset({*_SUFFIXES.values(), ".htm", ".markdown", ".text", ".ndjson"})
_TELLS_LITTLE = frozenset({"text/plain", "application/octet-stream", "application/json", "binary/octet-stream", ""})
"""Media types that servers give to what they do not know: a known suffix of the address then counts."""


@dataclass
class SitemapTree:
    """A connector over the pages of one sitemap or sitemap index, packed or not, on one origin.

    A path is the page's address. `robots.txt` is obeyed, also its crawl delay up to a minute; pages that it closes and
    addresses on other hosts are reported. A page counts as changed when its `lastmod` moved; one without is fetched at
    every sync. The media type that the server states decides how a page is read. A listing that cannot be had whole
    raises, so that nothing is taken for gone: Unavailable `source.unreachable`, NotFound `ingest.no_source`, InputError
    `source.no_sitemap`, `source.sitemap_off_host` and `source.too_many_pages`.
    """

    url: str
    max_pages: int = 5000
    site: Site = field(default_factory=lambda: Site(""))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _listed: frozenset[str] | None = field(default=None, init=False, repr=False)
    _kinds: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    _silent: int = field(default=0, init=False)
    _robots: Robots = field(default_factory=Robots, init=False, repr=False)

    def __post_init__(self) -> None:
        self.site.origin = origin_of(self.url)
        self.site.allowed = lambda url: self._robots.allows(_target(url))

    @property
    def root(self) -> str:
        return self.site.origin

    def resolve(self, root: str) -> str:
        return root.rstrip("/")

    def exists(self, path: str) -> bool:
        if self._listed is None:
            list(self.walk(self.root))
        return path in (self._listed or ())

    def walk(self, root: str) -> Iterator[SourceEntry]:
        self._obey()
        pages: dict[str, str] = {}
        strange: set[str] = set()
        for location, lastmod in self._pages():
            address = page_address(location, self.root)
            if not address:
                strange.add(location)
            elif address not in pages or lastmod > pages[address]:
                pages[address] = lastmod
            if len(pages) + len(strange) > self.max_pages:
                raise InputError(
                    "source.too_many_pages", f"the sitemap lists more than {self.max_pages:,} pages", where=self.url,
                    remedy="raise max_pages of the source, or name a smaller sitemap",
                )  # fmt: skip
        self._listed = frozenset(pages)
        pages = {address: lastmod for address, lastmod in pages.items() if _under(root, address)}
        entries = [self._entry(address, lastmod) for address, lastmod in pages.items()]
        entries += [_strange(self.root, location) for location in strange]
        yield from sorted(entries, key=lambda entry: entry.path)

    def read(self, path: str, limit: int) -> bytes:
        try:
            page = self.site.get(path, limit)
        except TooLarge as error:
            raise too_large(path, limit) from error
        except Unavailable as error:
            self._silent += 1
            if self._silent >= _IN_A_ROW:
                raise
            raise InputError("ingest.unreachable", error.what, where=path, remedy=error.remedy) from error
        self._silent = 0
        if page.status in (404, 410):
            raise gone(path)
        if page.status != 200:
            raise InputError(
                "ingest.http_status", f"the server answered {page.status}", where=path,
                remedy="what was read of it before stays; ingest again when the page answers",
            )  # fmt: skip
        self._kinds[path] = _kind(path, page)
        return _in_utf8(page)

    def named(self, path: str, relative: str) -> str:
        """The name with the suffix of the media type that the server stated when the page was read."""
        kind = self._kinds.get(path, "")
        return relative if not kind or relative.lower().endswith(kind) else relative + kind

    def close(self) -> None:
        """Close the connections."""
        self.site.close()

    def _obey(self) -> None:
        """Read robots.txt: none when the site has none, everything closed while it cannot tell (RFC 9309, 2.3.1)."""
        found = self._got(f"{self.root}/robots.txt", _MOST_ROBOTS)
        if found.status >= 500:
            raise _unreachable(f"{self.root}/robots.txt", found.status)
        text = found.body.decode("utf-8", "replace") if found.status == 200 else ""
        self._robots = robots(text, AGENT)
        self.site.delay_s = max(self.site.delay_s, min(self._robots.delay_s, _MOST_DELAY_S))

    def _pages(self) -> Iterator[tuple[str, str]]:
        """Location and lastmod of every page, from the sitemap or from all that its index names."""
        top = self._sitemap(self.url)
        if local(top) == "urlset":
            yield from _located(top, "url")
            return
        parts = list(_located(top, "sitemap"))
        if len(parts) > _MOST_SITEMAPS:
            raise InputError(
                "source.too_many_pages", f"the index names more than {_MOST_SITEMAPS} sitemaps", where=self.url,
                remedy="name the sitemaps that are wanted as sources",
            )  # fmt: skip
        for location, _ in parts:
            address = page_address(location, self.root)
            if not address:
                raise InputError(
                    "source.sitemap_off_host", "the index names a sitemap on another host", where=self.url,
                    remedy="name the sitemaps of this host as sources",
                )  # fmt: skip
            part = self._sitemap(address)
            if local(part) != "urlset":
                raise _no_sitemap(address)
            yield from _located(part, "url")

    def _sitemap(self, url: str) -> object:
        found = self._got(url, _MOST_SITEMAP)
        if found.status in (404, 410):
            raise NotFound("ingest.no_source", "there is no sitemap", where=url, remedy="correct url of the source")
        if found.status != 200:
            raise _unreachable(url, found.status)
        try:
            top = xml_root(unpacked(found.body, _MOST_SITEMAP), url)
        except (TooLarge, ValueError, InputError) as error:
            raise _no_sitemap(url) from error
        if local(top) not in ("urlset", "sitemapindex"):
            raise _no_sitemap(url)
        return top

    def _got(self, url: str, limit: int) -> Fetched:
        try:
            return self.site.get(url, limit)
        except TooLarge as error:
            raise InputError(
                "source.no_sitemap", f"it is larger than {limit / _MB:g} MB", where=url, remedy="split the sitemap"
            ) from error

    def _entry(self, address: str, lastmod: str) -> SourceEntry:
        relative = unquote(urlsplit(address).path.lstrip("/"))
        name = relative.rpartition("/")[2]
        if not name:
            relative += "index.html"
        elif f".{name.rpartition('.')[2].lower()}" not in _KNOWN or "." not in name:
            relative += ".html"
        if not self._robots.allows(_target(address)):
            return SourceEntry(address, relative, problem="ingest.robots")
        return SourceEntry(address, relative, 0, _modified_ns(lastmod, self.now()))


def _under(root: str, address: str) -> bool:
    return address == root or address.startswith(root.rstrip("/") + "/")


def page_address(location: str, origin: str) -> str:
    """The one spelling of an address of this origin, without its fragment; empty for any other and for what is none."""
    from yarl import URL

    if origin_of(location) != origin or len(location) > _MOST_ADDRESS:
        return ""
    try:
        url = URL(location)
    except ValueError:
        return ""
    segments = unquote(url.raw_path).split("/")
    if {".", ".."} & set(segments) or not location.isprintable():
        return ""
    query = f"?{url.raw_query_string}" if url.raw_query_string else ""
    return f"{origin}{url.raw_path or '/'}{query}"


def _located(top: object, name: str) -> Iterator[tuple[str, str]]:
    for one in children(top, name):
        texts = {local(part): (part.text or "").strip() for part in one}
        if texts.get("loc"):
            yield texts["loc"], texts.get("lastmod", "")


def _target(address: str) -> str:
    parts = urlsplit(address)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _strange(root: str, location: str) -> SourceEntry:
    shown = location if origin_of(location) else f"{root}/{quote(location[:200], safe='')}"
    return SourceEntry(shown, location[:200], problem="ingest.off_host")


def _modified_ns(lastmod: str, now: datetime) -> int:
    """When the page was last changed; now where the sitemap does not say.

    A day that may not be over yet says nothing about the hours since, so its nanoseconds differ at each look.
    """
    moment, whole_day = _moment(lastmod)
    if moment is None:
        return int(now.timestamp() * 1_000_000) * 1000
    seconds = int(moment.timestamp())
    fresh = whole_day and now - moment < timedelta(days=2)
    return seconds * 1_000_000_000 + (int(now.timestamp() * 1_000_000) % 1_000_000_000 if fresh else moment.microsecond)


def _moment(lastmod: str) -> tuple[datetime | None, bool]:
    """A W3C date or time, and whether it is only a day; None for what is neither."""
    if re.fullmatch(r"\d{4}(-\d{2})?", lastmod):
        lastmod += "-01-01"[len(lastmod) - 4 :]
    try:
        moment = datetime.fromisoformat(lastmod)
    except ValueError:
        return None, False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), "T" not in lastmod


def _kind(path: str, page: Fetched) -> str:
    """The suffix that says what the page is. Raises InputError `ingest.unsupported_type`."""
    ending = urlsplit(path).path.rpartition("/")[2].lower().rpartition(".")
    own = f".{ending[2]}" if ending[1] and f".{ending[2]}" in _KNOWN else ""
    if page.media_type in _TELLS_LITTLE and own:
        return own
    if page.media_type in _SUFFIXES:
        return _SUFFIXES[page.media_type]
    raise InputError(
        "ingest.unsupported_type", "no parser for the media type that the server states", where=path,
        remedy="take the page out of the sitemap, or ignore this line",
    )  # fmt: skip


def _in_utf8(page: Fetched) -> bytes:
    """The body; text in another character set that the header states is written anew with a UTF-8 signature, which
    counts more than what the page says of itself."""
    if not page.media_type.startswith("text/") or page.charset.lower() in ("", "utf-8", "utf8"):
        return page.body
    try:
        return b"\xef\xbb\xbf" + page.body.decode(page.charset).encode()
    except (LookupError, UnicodeError):
        return page.body


def _unreachable(url: str, status: int) -> AssayError:
    return Unavailable(
        "source.unreachable", f"the server answered {status}", where=url,
        remedy="nothing was changed; ingest again when the site answers",
    )  # fmt: skip


def _no_sitemap(url: str) -> AssayError:
    return InputError(
        "source.no_sitemap", "it is no sitemap (XML, plain or gzip)", where=url, remedy="correct url of the source"
    )
