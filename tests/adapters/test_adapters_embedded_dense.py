"""The scan of one-byte copies: exact whatever the filter, and nothing is lost when a copy is gone, torn or forged."""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from assay.adapters.embedded_index.allowed import AllowedRows
from assay.adapters.embedded_index.codes import FEWEST, CodedQuery, map_codes, write_codes
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.embedded_index.rows import access_key
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk
from assay.records.errors import InputError

COUNT = 3 * FEWEST
SIZE = 48
SHARES = {"few": 0.01, "some": 0.06, "half": 0.5}


def chunk(number: int, access: AccessList) -> Chunk:
    name = f"d{number:05}"
    text = f"text {number}"
    return Chunk(f"{name}#0", name, "0" * 64, 0, 0, len(text), text, "", (), BlockKind.PARAGRAPH, "en", access)


def group_of(number: int) -> str:
    at = (number * 7919 % COUNT) / COUNT
    return next((name for name, share in SHARES.items() if at < share), "most")


def unit(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / lengths).astype(np.float32)


def vectors(kind: str) -> NDArray[np.float32]:
    rng = np.random.default_rng(9)
    centres = rng.normal(size=(20, SIZE))
    if kind == "clustered":
        return unit(centres[rng.integers(0, 20, COUNT)] + 0.3 * rng.normal(size=(COUNT, SIZE)))
    if kind == "nearly the same":
        return unit(centres[:1] + 1e-4 * rng.normal(size=(COUNT, SIZE)))
    if kind == "a few large numbers":
        return unit(rng.normal(size=(COUNT, SIZE)) * np.where(np.arange(SIZE) < 2, 30.0, 1.0))
    return unit(np.repeat(rng.normal(size=(COUNT // 8, SIZE)), 8, axis=0))  # copies


def filled(folder: Path, matrix: NDArray[np.float32]) -> EmbeddedIndex:
    index = EmbeddedIndex(folder)
    index.add([chunk(number, AccessList("acme", (group_of(number),))) for number in range(COUNT)])
    index.commit()
    index.add_vectors("random", {f"d{number:05}#0": vector for number, vector in enumerate(matrix)})
    return index


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed index with one segment and its copy; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("dense") / "index"
    filled(folder, vectors("clustered")).close()
    return folder


@pytest.fixture
def folder(clustered: Path, tmp_path: Path) -> Path:
    shutil.copytree(clustered, tmp_path / "index")
    return tmp_path / "index"


def answers(index: EmbeddedIndex, *groups: str) -> list[tuple[str, float]]:
    scope = Scope("acme", frozenset(groups or (*SHARES, "most")))
    hits = index.head().dense(vectors("clustered")[5], scope, 10)
    return [(hit.chunk_id, round(hit.score, 5)) for hit in hits]


def copies(folder: Path) -> list[Path]:
    return sorted((folder / "vectors").glob("*.i8"))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["clustered", "nearly the same", "a few large numbers", "copies"])
def test_the_ten_nearest_are_those_of_a_full_scan_at_every_share(tmp_path: Path, kind: str) -> None:
    """From 1 to 100 % allowed, the scores are those of a float64 scan: recall is 1 by proof and not by luck."""
    matrix = vectors(kind)
    reader = filled(tmp_path, matrix).head()
    for groups in (("few",), ("some",), ("half",), ("few", "some"), (*SHARES, "most")):
        mine = [number for number in range(COUNT) if group_of(number) in groups]
        for vector in unit(matrix[[3, 700, 2000]] + np.float32(0.01)):
            truth = np.sort(matrix[mine].astype(np.float64) @ vector)[::-1][:10]
            hits = reader.dense(vector, Scope("acme", frozenset(groups)), 10)
            assert {hit.chunk_id for hit in hits} <= {f"d{number:05}#0" for number in mine}
            np.testing.assert_allclose([hit.score for hit in hits], truth, atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    spread=st.floats(0, 5),
    length=st.floats(0.01, 100),
    wild=st.booleans(),
)
def test_the_copy_is_never_further_off_than_it_says(
    tmp_path_factory: pytest.TempPathFactory, seed: int, spread: float, length: float, wild: bool
) -> None:
    """For any unit vectors and any query, each approximate product lies within its stated bound."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(40, 24)) * np.exp(spread * rng.normal(size=24))
    if wild:
        rows[:, 0] = 1e4
    matrix = unit(rows)
    vector = (length * unit(rng.normal(size=(1, 24)))[0]).astype(np.float32)
    path = tmp_path_factory.mktemp("codes") / "one.i8"
    write_codes(path, "ab" * 32, matrix)
    codes = map_codes(path, "ab" * 32, 40, 24)
    assert codes is not None
    score = np.empty(40, dtype=np.float32)
    query = CodedQuery.of(vector)
    codes.products(query, score)
    bound = codes.error * (length * 1.001 + query.error) + 1.01 * query.error + 1e-5 * max(length, 1)
    assert (np.abs(matrix.astype(np.float64) @ vector - score) <= bound).all()


def test_a_folder_without_copies_gets_them_and_answers_the_same(folder: Path) -> None:
    """Vectors written before there were copies are copied when they are first read."""
    index = EmbeddedIndex(folder)
    before = answers(index), answers(index, "half")
    index.close()
    copies(folder)[0].unlink()
    again = EmbeddedIndex(folder)
    assert (answers(again), answers(again, "half")) == before
    assert len(copies(folder)) == 1


@pytest.mark.parametrize("damage", ["torn", "one byte", "empty", "of another segment", "not a copy"])
def test_a_damaged_copy_is_made_again(folder: Path, damage: str) -> None:
    """A copy that is torn, changed or not of this segment is never searched; a sound one takes its place."""
    before = answers(EmbeddedIndex(folder))
    (path,) = copies(folder)
    whole = path.read_bytes()
    other = vectors("copies")
    if damage == "of another segment":
        write_codes(path, "cd" * 32, other)
    else:
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 64
        path.write_bytes(
            {"torn": whole[:-9], "one byte": bytes(changed), "empty": b"", "not a copy": b"x" * len(whole)}[damage]
        )
    assert answers(EmbeddedIndex(folder)) == before
    assert path.read_bytes() == whole


def test_without_room_for_copies_the_answers_are_the_same(folder: Path) -> None:
    """On a full disk the float32 file alone is scanned."""
    before = answers(EmbeddedIndex(folder))
    copies(folder)[0].unlink()
    with files_no_larger_than(100):
        assert answers(EmbeddedIndex(folder)) == before
    assert copies(folder) == []


def test_compacting_leaves_no_vector_of_a_removed_document_in_any_file(folder: Path) -> None:
    """Neither in the vectors nor in their copy nor in what a crash left, whatever embedder they came from."""
    index = EmbeddedIndex(folder)
    index.add_vectors("another", {"d00005#0": vectors("clustered")[5], "d00006#0": vectors("clustered")[6]})
    stray = folder / "vectors" / f"{'ef' * 32}.f32"
    stray.write_bytes(b"left behind")
    (folder / "vectors" / f".{stray.name}.1.part").write_bytes(b"left behind")
    gone = vectors("clustered")[5].tobytes()
    index.remove(["d00005"])
    index.commit()
    index.compact()
    files = list((folder / "vectors").iterdir())
    assert {path.suffix for path in files} == {".f32", ".i8"}
    assert len(files) == 3, "two recipes, of which one is large enough for a copy"
    assert not any(gone in path.read_bytes() for path in files)
    assert (index.head().embedder, index.head().vectors) == ("another", 1)


def test_a_snapshot_needs_no_copy_and_outlives_compaction(folder: Path) -> None:
    """A snapshot answers the same after the head was compacted, and after its own copy was deleted."""
    index = EmbeddedIndex(folder)
    snapshot_id = index.freeze().snapshot_id
    vector = vectors("clustered")[5]
    everyone = Scope("acme", frozenset((*SHARES, "most")))
    before = index.open(snapshot_id).dense(vector, everyone, 10)
    kept = folder / "snapshots" / snapshot_id
    assert len(list(kept.glob("vectors/*.i8"))) == 1
    assert not any(name.endswith(".i8") for name in json.loads((kept / "manifest.json").read_bytes())["files"])
    index.remove(["d00005"])
    index.commit()
    index.compact()
    next(kept.glob("vectors/*.i8")).unlink()
    assert index.open(snapshot_id).dense(vector, everyone, 10) == before


def test_a_vector_of_the_wrong_kind_is_refused_and_nothing_is_written(folder: Path) -> None:
    """Another length or a number that is not finite, in a search or among good vectors to add, changes no file."""
    index = EmbeddedIndex(folder)
    before = answers(index), sorted(path.name for path in (folder / "vectors").iterdir())
    good = np.eye(SIZE, dtype=np.float32)
    for bad in (np.eye(SIZE + 1, dtype=np.float32)[0], np.full(SIZE, np.nan, dtype=np.float32), good[:1]):
        with pytest.raises(InputError) as caught:
            index.add_vectors("random", {"d00001#0": good[1], "d00002#0": bad})
        assert caught.value.code.startswith("index.vector_")
        with pytest.raises(InputError) as caught:
            index.head().dense(bad, Scope("acme", frozenset({"most"})), 3)
        assert caught.value.code == "index.vector_shape"
    assert (answers(index), sorted(path.name for path in (folder / "vectors").iterdir())) == before


NAMES = st.sampled_from(["acme", "globex", "*"])
GROUPS = st.lists(st.sampled_from([f"g{n}" for n in range(6)]), max_size=3, unique=True)
LISTS = st.builds(lambda tenant, groups: AccessList(tenant, tuple(groups)), NAMES, GROUPS)


@given(
    lists=st.lists(LISTS, min_size=1, max_size=40),
    tenant=st.sampled_from(["acme", "globex", "nobody"]),
    groups=st.frozensets(st.sampled_from([f"g{n}" for n in range(8)])),
)
def test_what_a_scope_may_see_is_what_a_look_at_each_list_says(
    lists: list[AccessList], tenant: str, groups: frozenset[str]
) -> None:
    """The inverted list of groups gives the rows and counts of a naive check."""
    names = sorted({access_key(one) for one in lists})
    access = np.array([names.index(access_key(one)) for one in lists], dtype=np.int32)
    scope = Scope(tenant, groups)
    truth = [scope.allows(one) for one in lists]
    rows = AllowedRows(names, access)
    allowance = rows.of(scope)
    assert rows.of_lists(allowance)[access].tolist() == truth
    assert sorted(rows.rows(allowance).tolist()) == [row for row, allowed in enumerate(truth) if allowed]
    assert allowance.chunks == sum(truth)
    assert allowance.everything == all(truth)


def test_a_long_life_of_searches_gives_no_reference_away(folder: Path) -> None:
    """The reference count of None stays where it is: SIMD code that lowers it ends the process after a day's work."""
    index = EmbeddedIndex(folder)
    answers(index)
    before = sys.getrefcount(None)
    for _ in range(300):
        answers(index)
    assert sys.getrefcount(None) > before - 100
