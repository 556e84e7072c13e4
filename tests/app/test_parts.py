"""The order in which the parts of a running Neve close: who is asked by another closes after it."""

import asyncio
from typing import Any

from neve.app.parts import Books, Callers, Control, Events, Neighbours, Parts


class Noted:
    """Stands for whatever is closed, and notes under its name what it is asked to do."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name = name
        self._notes = notes

    def close(self) -> Any:
        return self._note("closes")

    def wait_ended(self) -> Any:
        return self._note("has ended")

    def note_use(self) -> Any:
        return self._note("notes")

    def __getattr__(self, name: str) -> "Noted":
        return Noted(name, self._notes)

    def _note(self, what: str) -> "asyncio.Future[None]":
        self._notes.append(f"{self._name} {what}")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def test_parts_close_in_their_order() -> None:
    notes: list[str] = []

    def noted(name: str) -> Any:
        return Noted(name, notes)

    started = asyncio.Event()

    async def goes_on() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            notes.append("tasks end")

    task = asyncio.create_task(goes_on())
    await started.wait()
    parts = Parts(
        plane=noted("plane"),
        callers=Callers(noted("keys"), "secret", None),
        control=Control(noted("functions"), noted("sources"), noted("objects")),
        neighbours=Neighbours(noted("directory"), noted("moto")),
        events=Events(noted("queue"), noted("invoker"), noted("targets")),
        books=Books(noted("leaks"), noted("traces"), noted("costs")),
    )
    await parts.close([task])
    assert notes == [
        "directory closes",  # or the queue would wait for deliveries that wait for a neighbour
        "stock closes",
        "queue closes",
        "queue has ended",
        "targets closes",  # the last deliveries went to them
        "sources closes",
        "objects closes",
        "tasks end",
        "leaks closes",  # what the last runs left is written, by nobody else any more
        "keys notes",
        "moto closes",  # the last deliveries went to it
        "functions closes",
    ]
