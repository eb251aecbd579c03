"""The demo lab: built without a network, it proves one change safe and stops another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from journey import assay, ok, serving, without_network


def test_the_demo_ships_the_safe_change_and_stops_the_planted_regression(demo: tuple[Path, str]) -> None:
    folder, said = demo
    verdicts = [line.split()[0] for line in said.splitlines() if "compare-" in line]
    assert verdicts == ["ship", "do_not_ship"]
    assert "interval" in said
    assert "demo" in (folder / "assay.yaml").read_text().lower()


def test_the_demo_can_be_built_again_over_itself(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    assert "do_not_ship" in ok("demo", "--no-serve", folder)


def test_nothing_reaches_for_the_network(demo: tuple[Path, str]) -> None:
    """The lab itself was built with the network denied; so are questions and searches."""
    folder, _ = demo
    without_network("ask", "How large can the log of one run get?", "--tenant", "halvard", "-w", folder)
    without_network("search", "limits", "-w", folder)


def test_another_tenant_is_told_nothing_of_the_companys_own_documents(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    question = ("search", "salary band of a senior engineer in Leipzig", "-w", folder)
    assert "corpus/hr/" in ok(*question, "--tenant", "halvard", "--group", "staff", "--group", "hr")
    for others in (("--tenant", "brambling"), ("--tenant", "ostermark", "--group", "hr"), ("--tenant", "halvard")):
        assert "corpus/hr/" not in ok(*question, *others)


@pytest.mark.browser
def test_the_demos_pages_answer_with_the_cited_span_and_show_the_verdict(demo: tuple[Path, str]) -> None:
    """Without a key, on loopback: the ask box leads to the exact span, and the comparison says what the gate said."""
    folder, _ = demo
    errors: list[str] = []
    with serving(folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(server.url)
        expect(page.get_by_text("Demo lab")).to_be_visible()
        page.get_by_label("Your question").fill("How large can the log of one run get?")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_text("Answered")).to_be_visible(timeout=20_000)
        page.get_by_role("link", name="A run's log is capped at 200 MB").click()
        expect(page.locator("mark")).to_contain_text("A run's log is capped at 200 MB")
        expect(page.locator("mark")).to_be_in_viewport()
        runs = server.call("/runs.json")[1]["runs"]
        candidate, baseline = runs[0]["run_id"], runs[-1]["run_id"]
        page.goto(f"{server.url}/compare?a={baseline}&b={candidate}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Do not ship")
        browser.close()
    assert errors == []


def test_the_lab_compares_searches_and_tells_where_evidence_was_lost(demo: tuple[Path, str], tmp_path: Path) -> None:
    """Three pipelines on the demo's golden set, then the failed cases of the live bundle's run, both with a page."""
    folder, _ = demo
    found = json.loads(ok("retrieval", "eval", "--golden", "demo", "--split", "test", "--json",
                          "--out", tmp_path / "lab.html", "-w", folder))  # fmt: skip
    names = [pipeline["name"] for pipeline in found["pipelines"]]
    assert names == ["lexical", "dense", "fused"]
    assert found["pipelines"][2]["curves"]["recall"][-1] > 0.9
    assert set(found["deltas"]) == {"lexical", "dense"}
    assert "<svg" in (tmp_path / "lab.html").read_text()
    lost = json.loads(ok("retrieval", "losses", "live", "--json", "--out", tmp_path / "lost.html", "-w", folder))
    assert lost["judged"] > len(lost["failed"]) > 0
    assert {case["loss"] for case in lost["failed"]} >= {"declined", "ignored"}
    assert "<svg" in (tmp_path / "lost.html").read_text()
    assert assay("retrieval", "eval", "--golden", "demo", "--pipeline", "nonsense", "-w", folder).code == 64
