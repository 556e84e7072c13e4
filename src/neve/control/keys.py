"""The verbs on access keys. All keys are in memory; a change is on disk and holds for the next request when it returns."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from neve import log
from neve.clock import Clock
from neve.domain import access_key
from neve.domain.access_key import AccessKey
from neve.domain.errors import InvalidParameterValue, NeveError, ResourceNotFound
from neve.domain.identity_policy import IdentityPolicy
from neve.domain.principal import Credential
from neve.storage.store import KeyStore

NOTE_SECONDS = 60.0
"""How often it is written down which keys were used."""


class Keys:
    """Every access key. `load` it first; used on the event loop only."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[str, AccessKey] = {}
        self._secrets: dict[str, str] = {}
        self._usable: dict[str, Credential] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read them. OperatorError when their secrets cannot be."""
        for key, secret in await self._store.all():
            self._remember(key, secret)

    def find(self, identity: str) -> Credential | None:
        """What an access key proves; None when there is none with this id, or it is disabled."""
        return self._usable.get(identity)

    def all(self) -> Sequence[AccessKey]:
        """Every key, the oldest first, as it was used until now."""
        return [self._with_use(key) for key in self._keys.values()]

    async def create(
        self, account: str, name: str, description: str = "", policy: IdentityPolicy | None = None
    ) -> tuple[AccessKey, str]:
        """A new key and its secret, which is told nobody again. InvalidParameterValue."""
        access_key.check(account, name, description)
        key = AccessKey(access_key.new_id("AKIA"), account, name, description, int(self._clock.now_ms()), policy=policy)
        secret = access_key.new_secret()
        async with self._changing:
            await self._store.add(key, secret)
            self._remember(key, secret)
        return key, secret

    async def enable(self, which: str, enabled: bool) -> AccessKey:
        """Let it be used, or not for now. ResourceNotFound, InvalidParameterValue."""
        return await self._change(which, lambda key: replace(key, enabled=enabled))

    async def set_policy(self, which: str, policy: IdentityPolicy | None) -> AccessKey:
        """What its owner may do from now on; None for everything in its account. Errors as `enable`."""
        return await self._change(which, lambda key: replace(key, policy=policy))

    async def delete(self, which: str) -> AccessKey:
        """For good. Errors as `enable`."""
        async with self._changing:
            key = self.key(which)
            await self._store.delete(key.id)
            self._end(key.id)
            del self._keys[key.id], self._secrets[key.id]
        return key

    async def rotate(self) -> int:
        """Seal all secrets with a new master key; how many there are. OperatorError."""
        async with self._changing:
            return await self._store.rotate()

    def key(self, which: str) -> AccessKey:
        """The one with this id, or with this name if no other has it. ResourceNotFound, InvalidParameterValue."""
        found = self._keys.get(which)
        if found is not None:
            return self._with_use(found)
        named = [key for key in self._keys.values() if key.name == which]
        if not named:
            raise ResourceNotFound(f"There is no access key {which}; `neve keys list` shows those that there are.")
        if len(named) > 1:
            listed = ", ".join(f"{key.id} (account {key.account})" for key in named)
            raise InvalidParameterValue(f"Several keys are named {which}: {listed}; say which by its id.")
        return self._with_use(named[0])

    async def keep_noted(self) -> None:
        """For ever: write down which keys were used."""
        while True:
            await self._clock.sleep(NOTE_SECONDS)
            try:
                await self.note_use()
            except NeveError as error:
                log.warn("keys.use", error=error.message)

    async def note_use(self) -> None:
        """Write down which keys were used since the last time."""
        uses = {}
        for identity, credential in self._usable.items():
            used = credential.last_used
            if used is not None and used != self._keys[identity].last_used:
                uses[identity] = used
        if not uses:
            return
        await self._store.note_use(uses)
        for identity, used in uses.items():
            if identity in self._keys:
                self._keys[identity] = replace(self._keys[identity], last_used=used)

    # Within

    async def _change(self, which: str, change: Callable[[AccessKey], AccessKey]) -> AccessKey:
        async with self._changing:
            key = change(self.key(which))
            await self._store.update(key)
            self._remember(key, self._secrets[key.id])
        return key

    def _with_use(self, key: AccessKey) -> AccessKey:
        credential = self._usable.get(key.id)
        return replace(key, last_used=credential.last_used) if credential and credential.last_used else key

    def _remember(self, key: AccessKey, secret: str) -> None:
        self._end(key.id)
        self._keys[key.id], self._secrets[key.id] = key, secret
        if key.enabled:
            self._usable[key.id] = Credential(key.principal, secret, last_used=key.last_used)

    def _end(self, identity: str) -> None:
        """Whoever was let in by it and stays, like a reader of records, has to go."""
        credential = self._usable.pop(identity, None)
        if credential is not None:
            credential.valid = False
