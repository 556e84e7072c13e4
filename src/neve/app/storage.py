"""Opens what is remembered, and closes it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from neve.clock import Clock
from neve.dataplane.layer_root import LayerRoots
from neve.dataplane.task_root import TaskRoots
from neve.settings import Settings
from neve.storage.blobs import FileBlobStore
from neve.storage.data_dir import DataDir
from neve.storage.sqlite.events import SqliteEventStore
from neve.storage.sqlite.functions import SqliteFunctionStore
from neve.storage.sqlite.keys import SqliteKeyStore
from neve.storage.sqlite.leaks import SqliteLeakStore
from neve.storage.sqlite.logs import SqliteLogStore
from neve.storage.vault import Vault

_MB = 1_048_576


@dataclass(frozen=True)
class Storage:
    """All stores, and two folders: `made` for what Neve made of others' code, `folder` is the data directory."""

    functions: SqliteFunctionStore
    logs: SqliteLogStore
    events: SqliteEventStore
    leaks: SqliteLeakStore
    keys: SqliteKeyStore
    blobs: FileBlobStore
    task_roots: TaskRoots
    layer_roots: LayerRoots
    made: Path
    folder: Path


@contextlib.asynccontextmanager
async def opened(data: DataDir, clock: Clock, settings: Settings) -> AsyncIterator[Storage]:
    """Open while the block runs."""
    async with contextlib.AsyncExitStack() as stores:
        functions = await SqliteFunctionStore.open(data.functions)
        stores.push_async_callback(functions.close)
        logs = await SqliteLogStore.open(data.logs, clock, settings.log_mb * _MB or None)
        stores.push_async_callback(logs.close)
        events = await SqliteEventStore.open(data.events)
        stores.push_async_callback(events.close)
        leaks = await SqliteLeakStore.open(data.leaks)
        stores.push_async_callback(leaks.close)
        keys = await SqliteKeyStore.open(data.keys, vault_of(data, settings))
        stores.push_async_callback(keys.close)
        blobs = FileBlobStore.open(data.blobs)
        task_roots, layer_roots = TaskRoots.open(data.tasks, blobs), LayerRoots.open(data.layers, blobs)
        yield Storage(functions, logs, events, leaks, keys, blobs, task_roots, layer_roots, data.made, data.path)


def vault_of(data: DataDir, settings: Settings) -> Vault:
    """What the secrets of access keys are encrypted with."""
    return Vault(Path(settings.master_key_file).expanduser() if settings.master_key_file else data.master_key)
