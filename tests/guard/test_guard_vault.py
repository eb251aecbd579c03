"""A vault names values consistently for one tenant, unlinkably for two, and tells nothing once its key is gone."""

from pathlib import Path

import pytest

from assay.adapters.vault_files import FileVault
from assay.records.errors import CannotJudge, NotFound

MAIL = "Anna@Example.com"


def test_names_are_one_within_a_tenant_and_tell_nothing_across(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    name = vault.pseudonym("acme", "email", MAIL)
    assert name == FileVault(tmp_path).pseudonym("acme", "email", MAIL.lower())
    assert name != vault.pseudonym("globex", "email", MAIL)
    assert vault.hashed("acme", "email", MAIL) not in (name, vault.hashed("globex", "email", MAIL))
    assert vault.reveal("acme", name) == MAIL
    with pytest.raises(NotFound):
        vault.reveal("globex", name)
    with pytest.raises(NotFound):
        vault.reveal("acme", vault.hashed("acme", "email", MAIL))


def test_files_are_for_their_owner_only_and_hold_no_plain_text(tmp_path: Path) -> None:
    FileVault(tmp_path).pseudonym("acme", "email", MAIL)
    files = list(tmp_path.iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert not [file for file in files if b"nna" in file.read_bytes() or "acme" in file.name]


def test_a_destroyed_key_ends_in_a_clear_error_until_somebody_begins_anew(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    name = vault.pseudonym("acme", "email", MAIL)
    assert vault.destroy("acme")
    assert not vault.destroy("acme")
    for what in (lambda: vault.reveal("acme", name), lambda: vault.pseudonym("acme", "email", MAIL)):
        with pytest.raises(CannotJudge) as error:
            what()
        assert error.value.code == "vault.key_gone"
        assert MAIL not in str(error.value)
    vault.renew("acme")
    assert vault.pseudonym("acme", "email", MAIL) != name


def test_a_key_that_was_lost_or_exchanged_never_gives_plain_text(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    name = vault.pseudonym("acme", "email", MAIL)
    key = next(tmp_path.glob("*.key"))
    key.write_text("00" * 32)
    with pytest.raises(CannotJudge) as damaged:
        vault.reveal("acme", name)
    assert damaged.value.code == "vault.damaged"
    key.unlink()
    with pytest.raises(CannotJudge) as gone:
        FileVault(tmp_path).pseudonym("acme", "email", MAIL)
    assert gone.value.code == "vault.key_gone"


def test_a_line_that_a_killed_process_left_half_written_costs_no_other_value(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    first = vault.pseudonym("acme", "email", MAIL)
    with next(tmp_path.glob("*.values")).open("a") as file:
        file.write('["bcd", "AAA')
    second = FileVault(tmp_path).pseudonym("acme", "phone", "+44 20 7946 0958")
    assert vault.reveal("acme", first) == MAIL
    assert vault.reveal("acme", second) == "+44 20 7946 0958"
