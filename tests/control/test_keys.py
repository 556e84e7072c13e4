"""Access keys: what a change means for the next request, and what lies on the disk."""

import stat
from pathlib import Path

import pytest

from neve.clock import Clock
from neve.control.keys import Keys
from neve.domain.errors import InvalidParameterValue, OperatorError, ResourceNotFound
from neve.domain.identity_policy import parse
from neve.domain.principal import LastUsed
from neve.storage.sqlite.keys import SqliteKeyStore
from neve.storage.vault import Vault

ACCOUNT = "123456789012"
READING = parse('{"Statement": {"Effect": "Allow", "Action": "lambda:Get*", "Resource": "*"}}')


class House:
    """Keys of a folder, opened again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master = folder / "master.key"
        self.store: SqliteKeyStore | None = None

    async def open(self) -> Keys:
        self.store = await SqliteKeyStore.open(self.folder / "keys.sqlite", Vault(self.master))
        keys = Keys(self.store, Clock())
        await keys.load()
        return keys

    async def close(self) -> None:
        assert self.store is not None
        await self.store.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_key_is_made_and_found_again_after_a_restart(house: House) -> None:
    keys = await house.open()
    key, secret = await keys.create(ACCOUNT, "ada", "for tests", READING)
    assert (key.id[:4], len(key.id), len(secret)) == ("AKIA", 20, 40)
    await house.close()
    keys = await house.open()
    found = keys.find(key.id)
    assert found is not None
    assert (found.secret, found.principal.policy) == (secret, READING)
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/ada"
    assert keys.all() == [key]
    await house.close()


async def test_no_secret_is_on_the_disk_in_clear(house: House) -> None:
    keys = await house.open()
    _, secret = await keys.create(ACCOUNT, "ada")
    await house.close()
    content = b"".join(file.read_bytes() for file in house.folder.iterdir())
    assert b"ada" in content
    assert secret.encode() not in content
    assert stat.S_IMODE(house.master.stat().st_mode) == 0o600


async def test_changes_hold_at_once(house: House) -> None:
    keys = await house.open()
    key, secret = await keys.create(ACCOUNT, "ada")
    let_in = keys.find(key.id)
    assert let_in is not None
    await keys.enable("ada", enabled=False)
    assert (keys.find(key.id), let_in.valid) == (None, False)
    await keys.enable(key.id, enabled=True)
    await keys.set_policy("ada", READING)
    found = keys.find(key.id)
    assert found is not None
    assert (found.secret, found.principal.policy) == (secret, READING)
    await keys.delete("ada")
    assert (keys.find(key.id), found.valid, keys.all()) == (None, False, [])
    await house.close()
    keys = await house.open()
    assert keys.all() == []
    await house.close()


async def test_when_a_key_was_used_last_is_written_down(house: House) -> None:
    keys = await house.open()
    key, _ = await keys.create(ACCOUNT, "ada")
    found = keys.find(key.id)
    assert found is not None
    found.last_used = LastUsed(1_000, "lambda", "eu-west-1")
    assert keys.key("ada").last_used == found.last_used
    await keys.note_use()
    await house.close()
    keys = await house.open()
    assert keys.key("ada").last_used == LastUsed(1_000, "lambda", "eu-west-1")
    await house.close()


async def test_a_name_that_several_keys_have_names_none(house: House) -> None:
    keys = await house.open()
    first, _ = await keys.create(ACCOUNT, "ada")
    await keys.create(ACCOUNT, "ada")
    with pytest.raises(InvalidParameterValue, match="Several keys are named ada"):
        await keys.delete("ada")
    assert (await keys.delete(first.id)).id == first.id
    with pytest.raises(ResourceNotFound, match="There is no access key bob"):
        await keys.delete("bob")
    await house.close()


@pytest.mark.parametrize(
    ("account", "name", "description"),
    [("1", "ada", ""), (ACCOUNT, "a b", ""), (ACCOUNT, "", ""), (ACCOUNT, "a" * 65, ""), (ACCOUNT, "ada", "x\ny")],
)
async def test_what_a_key_cannot_have_is_refused(house: House, account: str, name: str, description: str) -> None:
    keys = await house.open()
    with pytest.raises(InvalidParameterValue):
        await keys.create(account, name, description)
    await house.close()


async def test_the_master_key_is_rotated_and_the_keys_stay(house: House) -> None:
    keys = await house.open()
    key, secret = await keys.create(ACCOUNT, "ada")
    before = house.master.read_text()
    assert await keys.rotate() == 1
    after = house.master.read_text()
    assert (after != before, after.count("\n")) == (True, 1)
    await house.close()
    keys = await house.open()
    found = keys.find(key.id)
    assert found is not None
    assert found.secret == secret
    await house.close()


async def test_a_rotation_that_was_cut_off_loses_nothing(house: House) -> None:
    """After the new master key is written, and before anything is sealed with it."""
    keys = await house.open()
    key, secret = await keys.create(ACCOUNT, "ada")
    await house.close()
    Vault(house.master).begin_rotation()
    assert house.master.read_text().count("\n") == 2
    keys = await house.open()
    found = keys.find(key.id)
    assert found is not None
    assert found.secret == secret
    await house.close()


async def test_without_the_master_key_nothing_starts(house: House) -> None:
    keys = await house.open()
    await keys.create(ACCOUNT, "ada")
    await house.close()
    kept = house.master.read_bytes()
    house.master.unlink()
    for content, reason in (
        (None, "is not there"),
        (b"A" * 43 + b"=\n", "is not the one"),
        (b"x\n", "is not 32 bytes in Base64"),
    ):
        if content is not None:
            house.master.write_bytes(content)
            house.master.chmod(0o600)
        with pytest.raises(OperatorError, match=reason):
            await house.open()
        await house.close()
    house.master.write_bytes(kept)
    house.master.chmod(0o644)
    with pytest.raises(OperatorError, match="can be read by others: chmod 600"):
        await house.open()
    await house.close()


async def test_a_sealed_secret_opens_for_its_own_key_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "master.key")
    sealed = vault.seal("secret", "AKIAONE")
    assert vault.unseal(sealed, "AKIAONE") == "secret"
    with pytest.raises(OperatorError):
        vault.unseal(sealed, "AKIATWO")
