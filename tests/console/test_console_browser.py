"""The pages in a real browser: ask, follow a citation to its exact span, with and without JavaScript, by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from assay.console.app import console
from judged_runs import two_runs
from served import DEMO, World, serving, world

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CHROMIUM = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
}
QUESTION = "How many days of leave has an employee"


@dataclass
class Seen:
    """What the browser complained about, and every address that it asked for."""

    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.addresses.append(request.url))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file; every test has a context of its own."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(**CHROMIUM)  # type: ignore[arg-type]
        yield launched
        await launched.close()


@asynccontextmanager
async def browsing(
    browser: Browser, place: World, *, script: bool = True, dark: bool = False, open_demo: bool = True
) -> AsyncIterator[tuple[Page, Seen, str]]:
    """A page at the server's address; leaving checks that nothing was complained about and nothing left the server."""
    seen = Seen()
    async with serving(place, console, **(DEMO if open_demo else {})) as (_, base):
        context = await browser.new_context(java_script_enabled=script, color_scheme="dark" if dark else "light")
        page = await context.new_page()
        page.set_default_timeout(20_000)
        seen.watch(page)
        await page.goto(base)
        try:
            yield page, seen, base
        finally:
            await context.close()
    assert seen.complaints == []
    assert [address for address in seen.addresses if not address.startswith(base)] == []


async def test_ask_read_and_follow_a_citation_to_its_exact_span(browser: Browser) -> None:
    async with browsing(browser, world("A demo with a demo model")) as (page, _, base):
        await page.get_by_label("Your question").fill(QUESTION)
        await page.keyboard.press("Enter")
        answer = page.get_by_role("region", name="Answer")
        await expect(answer).to_contain_text("Every employee has 25 days of leave.")
        await expect(answer).to_contain_text("Answered")
        assert page.url == f"{base}/", "the script shows the answer in place"
        await answer.get_by_role("link", name="Source 1").nth(1).click()
        source = page.get_by_role("complementary", name="Source")
        await expect(source.locator("mark")).to_have_text("Unused days expire in March.")
        await expect(source.locator("mark")).to_be_in_viewport()
        await expect(source).to_contain_text("Every employee has 25 days of leave.")
        await page.keyboard.press("Escape")
        await expect(source).to_be_hidden()
        await answer.get_by_label("Comment").fill("fine")
        await answer.get_by_role("button", name="Yes").click()
        await expect(answer).to_contain_text("Thank you")


async def test_the_same_works_without_javascript(browser: Browser) -> None:
    async with browsing(browser, world(), script=False) as (page, _, _base):
        await page.get_by_label("Your question").fill(QUESTION)
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("#answer")).to_contain_text("Every employee has 25 days of leave.")
        await page.get_by_role("link", name="Source 1").first.click()
        await expect(page.locator("mark")).to_have_text("Every employee has 25 days of leave.")
        await page.go_back()
        await page.get_by_role("button", name="No").click()
        await expect(page.get_by_role("heading")).to_have_text("Thank you")


async def test_a_document_with_a_script_stays_text(browser: Browser) -> None:
    async with browsing(browser, world()) as (page, seen, base):
        await page.get_by_label("Your question").fill("install")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("#answer")).to_contain_text("Answered")
        await page.get_by_role("link", name="Source 1").last.click()
        await expect(page.locator("#evidence-body")).to_contain_text("<script>document.title='owned'</script>")
        assert "owned" not in await page.title()
        await page.goto(f"{base}/documents/evil.md")
        assert await page.locator("main script, main img").count() == 0
        assert "owned" not in await page.title()
        assert not [address for address in seen.addresses if "evil.test" in address]


async def test_signing_in_and_out_with_a_key(browser: Browser) -> None:
    place = world()
    async with browsing(browser, place, open_demo=False) as (page, _, base):
        assert page.url.startswith(f"{base}/login")
        await page.get_by_label("API key").fill(place.key(roles=("ask", "operate")))
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_label("Your question")).to_be_visible()
        assert await page.evaluate("document.cookie") == "", "the session is out of reach of scripts"
        await page.get_by_role("link", name="Releases").click()
        await expect(page.get_by_role("heading", name="Releases")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("API key")).to_be_visible()


async def test_a_comparison_is_reached_from_the_runs_and_reads_without_colour(browser: Browser) -> None:
    place = world()
    two_runs(place)
    async with browsing(browser, place, dark=True) as (page, _, _base):
        await page.get_by_role("link", name="Runs").click()
        await page.get_by_label("Baseline: run run-a").check()
        await page.get_by_label("Candidate: run run-b").check()
        await page.get_by_role("button", name="Compare A with B").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("worse in answer_correct")
        await expect(page.get_by_role("img").first).to_be_visible()
        await page.locator("details.flip").nth(1).locator("summary").click()
        await expect(page.locator("details.flip").nth(1)).to_contain_text("No, case-")


async def test_the_keyboard_reaches_everything_and_focus_can_be_seen(browser: Browser) -> None:
    async with browsing(browser, world()) as (page, _, base):
        await page.goto(f"{base}/documents")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        for _ in range(8):
            await page.keyboard.press("Tab")
            assert await page.evaluate(outline) == "solid"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_text_has_the_contrast_that_wcag_asks_for(browser: Browser, dark: bool) -> None:
    place = world("A demo with a demo model")
    two_runs(place)
    async with browsing(browser, place, dark=dark) as (page, _, base):
        await page.get_by_label("Your question").fill(QUESTION)
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("#answer")).to_contain_text("Answered")
        found = list(await page.evaluate(CONTRAST))
        for path in ("/documents", "/documents/evil.md?start=0&end=9", "/runs", "/compare?a=run-a&b=run-b", "/traces"):
            await page.goto(base + path)
            found += await page.evaluate(CONTRAST)
    assert found == []


async def test_pages_do_not_scroll_sideways(browser: Browser) -> None:
    place = world("A demo with a demo model")
    two_runs(place)
    async with browsing(browser, place) as (page, _, base):
        for path in ("/", "/documents", "/documents/evil.md", "/runs", "/compare?a=run-a&b=run-b", "/releases"):
            for width in (320, 1280):
                await page.set_viewport_size({"width": width, "height": 700})
                await page.goto(base + path)
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


CONTRAST = """() => {
  // WCAG 2.2, 1.4.3: relative luminance of the text's colour against the first painted ground behind it.
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const says = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("svg, .unseen, .skip, option") || !e.checkVisibility() || !says(e)) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(style.color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${location.pathname} ${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(found)];
}"""
