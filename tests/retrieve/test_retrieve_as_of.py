"""Searching as of a date: the versions of then, today's access, both indexes, and plain words about bad dates."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryCatalog
from assay.adapters.memory_index import MemoryIndex
from assay.ingest.publishing import Publisher
from assay.ingest.versions import becomes_current, ends
from assay.ports.index import IndexReader
from assay.ports.storage import Catalog, SourceState
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.errors import InputError
from assay.records.moments import moment
from assay.records.retrieval import Query
from assay.retrieve.as_of import AsOfRetriever, BothReaders, CatalogAsOf, moment_of
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy

OPEN, HR = AccessList("default"), AccessList("default", ("hr",))


class Place:
    """A catalog, the index of its head and the index of its past, searched like a workspace."""

    def __init__(self) -> None:
        self.clock = FakeClock(tick_s=0.0)
        self.catalog = MemoryCatalog(clock=self.clock)
        self.head, self.past = MemoryIndex(), MemoryIndex()
        self.publisher = Publisher(self.catalog, self.head, self.clock, history=lambda: self.past)

    def put(self, doc_id: str, text: str, modified_at: str, access: AccessList = OPEN) -> None:
        sha = f"{abs(hash((doc_id, text))):064x}"[:64]
        document = Document(
            doc_id, sha, doc_id, f"file:///{doc_id}", "text/plain", "en", modified_at, access, len(text)
        )
        chunk = Chunk(
            f"{doc_id}-{sha}", doc_id, sha, 0, 0, len(text), text, doc_id, (), BlockKind.PARAGRAPH, "en", access,
            modified_at=modified_at,
        )  # fmt: skip
        state = SourceState(f"file:///{doc_id}", "/", len(text), 0, sha, "r", (doc_id,))
        self.catalog.put_sources([(state, [(document, [chunk])])])
        self.publisher.publish()

    def found(self, words: str, as_of: str = "", groups: tuple[str, ...] = ()) -> list[str]:
        def make(reader: IndexReader, catalog: Catalog) -> HybridRetriever:
            return HybridRetriever(reader, catalog, None, RetrievePolicy("lexical"), self.clock)

        def then(at: str) -> HybridRetriever:
            both = cast(IndexReader, BothReaders(self.head.head(), self.past.head()))
            return make(both, cast(Catalog, CatalogAsOf(self.catalog, at)))

        retriever = AsOfRetriever(make(self.head.head(), self.catalog), then)
        query = Query(words, Scope("default", frozenset(groups)), 5, as_of=as_of)
        return [ranked.chunk.text for ranked in retriever.retrieve(query).ranked]


@pytest.fixture
def place() -> Place:
    made = Place()
    made.put("leave", "leave is sixteen weeks", "2025-01-10")
    made.put("leave", "leave is twenty weeks", "2025-06-10")
    made.put("other", "other leave rules", "2025-03-01")
    return made


def test_a_date_finds_the_version_of_its_end_and_no_other(place: Place) -> None:
    assert place.found("leave weeks") == ["leave is twenty weeks", "other leave rules"]
    assert place.found("leave", "2025-01-09") == []
    assert place.found("leave", "2025-01-10") == ["leave is sixteen weeks"]
    assert sorted(place.found("leave", "2025-06-09")) == ["leave is sixteen weeks", "other leave rules"]
    assert sorted(place.found("leave", "2025-06-10")) == ["leave is twenty weeks", "other leave rules"]
    assert place.found("leave weeks", "2025-06-09T23:59:59+02:00")[0] == "leave is sixteen weeks"


def test_access_is_today_s_also_for_texts_of_then(place: Place) -> None:
    place.catalog.set_access({"leave": HR})
    assert place.found("leave sixteen", "2025-02-01") == []
    place.publisher.publish()
    assert place.found("leave sixteen", "2025-02-01") == []
    assert place.found("leave sixteen", "2025-02-01", groups=("hr",)) == ["leave is sixteen weeks"]


def test_a_document_that_is_gone_is_found_as_of_earlier_until_it_is_forgotten(place: Place) -> None:
    place.catalog.remove_source("file:///leave")
    place.publisher.publish()
    assert place.found("leave twenty") == ["other leave rules"]
    assert "leave is twenty weeks" in place.found("leave twenty", "2025-12-31")
    assert "leave is twenty weeks" not in place.found("leave twenty", "2026-01-02")
    place.publisher.forget(["leave"])
    assert place.found("weeks", "2025-12-31") == []
    assert not place.past.by_document.get("leave")


def test_a_text_that_is_current_again_is_found_in_both_of_its_times_once(place: Place) -> None:
    place.put("leave", "leave is sixteen weeks", "2025-09-01")
    for date in ("2025-02-01", "2025-12-01"):
        assert place.found("sixteen weeks", date)[0] == "leave is sixteen weeks"
        assert place.found("sixteen weeks", date).count("leave is sixteen weeks") == 1
    assert place.found("twenty", "2025-07-01") == ["leave is twenty weeks"]


@pytest.mark.parametrize("bad", ["yesterday", "31.01.2026", "2026-13-01", "2026-02-30", "20", "9999-12-31T23:59-23:00"])
def test_what_is_no_date_is_a_usage_error_that_does_not_repeat_it(place: Place, bad: str) -> None:
    with pytest.raises(InputError, match=r"retrieve\.as_of") as caught:
        place.found("leave", bad)
    assert bad not in str(caught.value).replace("2026-01-31", "")
    assert caught.value.exit_code == 64


def test_no_date_is_no_moment() -> None:
    assert moment_of("") == ""
    assert moment_of("2026-01-31") == "2026-01-31T23:59:59.999999Z"


MOMENTS = st.datetimes().map(lambda at: at.isoformat())


@given(st.lists(st.tuples(MOMENTS | st.just("nonsense"), MOMENTS, st.booleans()), min_size=1, max_size=8))
def test_times_of_versions_never_overlap_and_are_never_empty_whatever_the_clocks_say(
    changes: list[tuple[str, str, bool]],
) -> None:
    spans: list[list[str]] = []
    for modified_at, now, removed in changes:
        last = spans[-1] if spans else ["", ""]
        begun = becomes_current(modified_at, moment(now), last[1] or last[0])
        if spans and not spans[-1][1]:
            spans[-1][1] = begun
        spans.append([begun, ends(moment(now), begun) if removed else ""])
    closed = [span for span in spans if span[1]]
    assert all(begun < ended for begun, ended in closed)
    assert all(one[1] and one[1] <= other[0] for one, other in pairwise(spans))


def test_scores_of_a_small_past_are_not_buried_under_a_large_head() -> None:
    place = Place()
    place.put("old", "the velvet harbour lease was signed", "2025-01-10")
    place.put("old", "nothing of it is left", "2025-06-10")
    for number in range(30):
        place.put(f"n{number}", f"a lease number {number}", "2025-01-01")
    assert place.found("velvet harbour lease", "2025-02-01")[0] == "the velvet harbour lease was signed"
