"""A website on loopback whose pages a test decides, with what a bad one does: errors, silence, endless pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Page:
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    location: str = ""
    silent_s: float = 0.0
    lastmod: str = ""
    listed: bool = True
    encoding: str = ""


@dataclass
class SiteServer:
    """Pages by path and query; `sitemap` is written from those that are listed unless it is a page itself."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sitemap(self) -> str:
        return f"{self.url}/sitemap.xml"

    def answer(self, target: str) -> Page:
        self.asked.append(target)
        if target == "/sitemap.xml" and target not in self.pages:
            return Page(self.listing(), "application/xml")
        return self.pages.get(target, Page(status=404))

    def listing(self) -> bytes:
        urls = [
            f"<url><loc>{self.url}{path}</loc>{f'<lastmod>{page.lastmod}</lastmod>' if page.lastmod else ''}</url>"
            for path, page in self.pages.items()
            if page.listed
        ]
        start = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        return f"{start}{''.join(urls)}</urlset>".encode()


@contextmanager
def site_server() -> Iterator[SiteServer]:
    site = SiteServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = site.answer(self.path)
            if page.silent_s:
                site.over.wait(page.silent_s)
            self.send_response(page.status)
            headers = {"Content-Type": page.kind, "Location": page.location, "Content-Encoding": page.encoding}
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
