"""Steps after the import of a module, at the moment when the function imports it: nobody pays for what he does not use."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Step = Callable[[ModuleType], None]

_steps: dict[str, Step] = {}


def after(name: str, step: Step) -> None:
    """Have `step` called with the module now if it is loaded, else as soon as it is. One step for each module."""
    if name in sys.modules:
        step(sys.modules[name])
        return
    if not _steps:
        sys.meta_path.insert(0, _FINDER)
    _steps[name] = step


class _Finder:
    """Finds nothing itself: lets the others find the module and adds a step after it was loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in _steps:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            _run_after(spec.loader)
        return spec


_FINDER: Any = _Finder()


def _run_after(loader: Any) -> None:
    load = loader.exec_module

    def load_and_step(module: ModuleType) -> None:
        load(module)
        step = _steps.pop(module.__name__, None)  # to look for a module is not to load it
        if not _steps and _FINDER in sys.meta_path:
            sys.meta_path.remove(_FINDER)
        if step is not None:
            step(module)

    loader.exec_module = load_and_step
