"""SQL as named blocks: `queries/<noun>.sql`, each block after a line `-- name: what_it_does`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load(noun: str) -> Mapping[str, str]:
    """The blocks of one noun by name, read once. ValueError when a name is given twice."""
    text = (resources.files("neve.storage.sqlite") / "queries" / f"{noun}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"queries/{noun}.sql names a block twice")
    return MappingProxyType({name: body.strip() for name, body in zip(names, bodies, strict=True)})
