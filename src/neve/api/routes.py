"""Method and path -> operation, read from the model's URI templates into a tree of path segments.

Rules: segments are compared as they came and labels are percent-decoded once, so an encoded `/` stays inside its label;
a literal segment wins over a label; trailing slashes do not count (old SDKs send them); a query discriminator
(`?List=ALL`) wins over the template without one. A path or method that no template has is Coral's
UnknownOperationException, 404: the facts have no recording of its text.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from neve.api.http import parse_query
from neve.api.model import OperationModel
from neve.domain.errors import ServiceSpecific


class Match(NamedTuple):
    """The operation that a request asks for, and the values of its path labels."""

    operation: str
    labels: Mapping[str, str]


class _Ending(NamedTuple):
    """An operation at the end of a path; `query` holds the discriminators that have to be there."""

    operation: str
    labels: tuple[str, ...]
    query: frozenset[tuple[str, str]]


class _Node:
    """One place in the tree: what may follow, and what ends here by method."""

    __slots__ = ("endings", "greedy", "label", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.endings: dict[str, list[_Ending]] = {}


class Routes:
    """All operations of one rest-json service."""

    def __init__(self, operations: Iterable[OperationModel]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def match(self, method: str, path: str, query: bytes) -> Match:
        """Find the operation of a raw (still encoded) path; ServiceSpecific `UnknownOperationException` when none is there."""
        values: list[str] = []
        node = _walk(self._root, path.rstrip("/").split("/")[1:], 0, values)
        endings = None if node is None else node.endings.get(method)
        if endings is None:
            raise unknown_operation(f"{method} {path}")
        ending = endings[0] if len(endings) == 1 and not endings[0].query else _pick(endings, query)
        if ending is None:
            raise unknown_operation(f"{method} {path}")
        return Match(ending.operation, dict(zip(ending.labels, values, strict=True)))

    def _add(self, operation: OperationModel) -> None:
        path, _, query = operation.uri.partition("?")
        node, labels = self._root, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                labels.append(segment.strip("{}+"))
            node = _child(node, segment)
        ending = _Ending(operation.name, tuple(labels), frozenset(parse_query(query.encode())))
        endings = node.endings.setdefault(operation.method, [])
        endings.append(ending)
        endings.sort(key=lambda each: -len(each.query))


def unknown_operation(what: str) -> ServiceSpecific:
    """The service's answer to a request that names no operation of it."""
    return ServiceSpecific("UnknownOperationException", f"The request names no operation of this service: {what[:200]}")


def _child(node: _Node, segment: str) -> _Node:
    if segment.endswith("+}"):
        node.greedy = node.greedy or _Node()
        return node.greedy
    if segment.startswith("{"):
        node.label = node.label or _Node()
        return node.label
    return node.literals.setdefault(segment, _Node())


def _walk(node: _Node, segments: list[str], index: int, values: list[str]) -> _Node | None:
    """The node at the end of the path, with the labels' values appended; None when the tree has no such path.

    It goes back to a label where a literal led nowhere; the depth is that of the tree, however long the path is.
    """
    if index == len(segments):
        return node if node.endings else None
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _walk(literal, segments, index + 1, values)
        if found is not None:
            return found
    if node.label is not None and segment:
        values.append(unquote(segment) if "%" in segment else segment)
        found = _walk(node.label, segments, index + 1, values)
        if found is not None:
            return found
        values.pop()
    return _walk_greedy(node, segments, index, values)


def _walk_greedy(node: _Node, segments: list[str], index: int, values: list[str]) -> _Node | None:
    if node.greedy is None:
        return None
    for end in range(len(segments), index, -1):
        values.append(unquote("/".join(segments[index:end])))
        found = _walk(node.greedy, segments, end, values)
        if found is not None:
            return found
        values.pop()
    return None


def _pick(endings: list[_Ending], query: bytes) -> _Ending | None:
    given = set(parse_query(query))
    for ending in endings:
        if ending.query <= given:
            return ending
    return None
