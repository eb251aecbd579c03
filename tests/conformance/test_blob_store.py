"""What every BlobStore promises."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_examples import Kept

from assay.records.digest import sha256_bytes
from assay.records.errors import NotFound


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_bytes_come_back_under_their_hash(kept: Kept, data: bytes) -> None:
    assert kept.blobs.put(data) == sha256_bytes(data)
    assert kept.blobs.put(data) == sha256_bytes(data)
    assert kept.blobs.has(sha256_bytes(data))
    assert kept.blobs.get(sha256_bytes(data)) == data


def test_a_deleted_blob_is_gone_and_deleting_it_again_does_nothing(kept: Kept) -> None:
    digest = kept.blobs.put(b"data")
    kept.blobs.delete(digest)
    kept.blobs.delete(digest)
    assert not kept.blobs.has(digest)
    with pytest.raises(NotFound) as missing:
        kept.blobs.get(digest)
    assert missing.value.code == "store.no_blob"
