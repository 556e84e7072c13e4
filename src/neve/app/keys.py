"""What an operator asks about access keys: answered by the Neve that runs on the data directory, or without one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from neve.api import operator
from neve.app.storage import vault_of
from neve.clock import Clock
from neve.control.keys import Keys
from neve.domain.errors import CallerError, OperatorError
from neve.settings import Settings
from neve.storage.data_dir import DataDir, DirectoryTaken
from neve.storage.sqlite.keys import SqliteKeyStore

_TAKEN_SECONDS, _TAKEN_PAUSE_SECONDS = 10.0, 0.1


def manage_keys(settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    """What `api/operator.py` answers to a request: by the Neve that runs on the data directory, else by ourselves.

    OperatorError that says what is wrong.
    """
    given_up = time.monotonic() + _TAKEN_SECONDS
    while True:
        told = operator.ask(settings.data_dir, request)
        if told is not None:
            return told
        try:
            with DataDir.open(settings.data_dir) as data:
                return asyncio.run(_answer_offline(data, settings, request))
        except DirectoryTaken:  # by a Neve that is starting or stopping, or by another `neve keys`
            if time.monotonic() > given_up:
                raise
            time.sleep(_TAKEN_PAUSE_SECONDS)


async def _answer_offline(data: DataDir, settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    store = await SqliteKeyStore.open(data.keys, vault_of(data, settings))
    try:
        keys = Keys(store, Clock())
        await keys.load()
        return await operator.answer(keys, request)
    except CallerError as error:
        raise OperatorError(error.message) from error
    finally:
        await store.close()
