"""How a picture words what is long."""

_LONGEST_LINE = 60
_BRIEF = 8


def brief(id_: str) -> str:
    """An id as people tell it from others: its beginning."""
    return id_[:_BRIEF]


def cut(text: str) -> str:
    """At most as long as a line of a picture may be."""
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"


def short(description: str) -> str:
    """A leak without the scheme of its address."""
    return cut(description.replace("http://", "").replace("https://", ""))


def said(text: str) -> str:
    """A printed line without the columns that a runtime client puts before it."""
    return cut(text.strip().split("\t")[-1].splitlines()[0] if text.strip() else "")
