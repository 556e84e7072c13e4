"""Pictures are well formed, can be read without seeing, and nothing in them is cut or lies upon something else."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from tests.analysis.telling import FIRST, SECOND, Told
from tests.analysis.test_story import picture

from neve.domain import record as kinds
from neve.domain.picture import Picture
from neve.pictures.draw import draw
from neve.pictures.text import fitted, width
from neve.pictures.theme import classes

_SVG = "{http://www.w3.org/2000/svg}"


def leaking(calls: int = 3, host: str = "photos.example", runs: int = 1) -> Picture:
    told = Told()
    told.init(0, 40)
    told.start(42)
    for n in range(calls):
        told.call(43 + 2 * n, 5, f"/items/{n}", host=host)
    told.leak(150, what=f"PUT https://{host}/items/last")
    told.leak(150, "l2")
    told.end(151, 110)
    told.freeze(152)
    for n in range(runs):
        at_ms, request_id = 1000.0 + 500 * n, f"{n + 2}0000000-0000"
        told.start(at_ms, request_id)
        told.thaw(at_ms + 1, request_id)
        told.resume(at_ms + 2, request_id, "l1" if n % 2 else "l2")
        told.tell(
            kinds.FUNCTION, at_ms + 3, request_id, text="x\ty\tz\tsaved <1> & more", level="INFO", leftOverFrom=FIRST
        )
        told.call(at_ms + 3, None, "/open", host=host, leakId="l1", sent=n % 2 == 0)
        told.end(at_ms + 10, 10, request_id)
        told.freeze(at_ms + 11)
    told.tell(kinds.ENVIRONMENT_STOPPED, 9e6, invocations=2)
    return picture(told)


def event() -> Picture:
    told = Told("a-function-with-a-very-long-name-that-somebody-thought-was-a-good-idea-once")
    told.tell(kinds.QUEUED, 0, FIRST, payloadBytes=2)
    for number, at_ms in enumerate((1, 60_000, 180_000), 1):
        told.tell(kinds.LEASED, at_ms, FIRST, attempt=number, ageMs=at_ms)
        told.run(at_ms + 1, 5)
        at = 1_000_000 + at_ms + 60_000 * number
        told.tell(kinds.RETRY_AT, at_ms + 8, FIRST, at=at, attempts=number, reason="the function failed")
    target = "arn:aws:sqs:us-east-1:000000000000:failed"
    told.tell(kinds.DELIVERED, 180_020, FIRST, kind="deadLetter", target=target, tries=1)
    return picture(told)


PICTURES = {
    "leaks": leaking(),
    "without calls": leaking(0, runs=0),
    "thirty calls": leaking(30),
    "long host": leaking(
        8, "a-very-long-name.of-a-bucket.that-nobody-can-remember.s3.dualstack.eu-central-1.example.com:8443"
    ),
    "many runs": leaking(4, runs=6),
    "event": event(),
}
shapes = pytest.mark.parametrize("shown", PICTURES.values(), ids=PICTURES)


@shapes
def test_picture_is_small_and_well_formed_and_has_a_text_alternative(shown: Picture) -> None:
    drawn = draw(shown)
    assert len(drawn.encode()) < 30_000
    root = ElementTree.fromstring(drawn)
    assert root.get("role") == "img"
    title, description = root.findtext(f"{_SVG}title"), root.findtext(f"{_SVG}desc")
    assert title == shown.title
    assert description is not None
    assert all(row.text in description for row in shown.rows[:10])
    assert not re.search(r"<script|href|url\(|@import", drawn)


@shapes
def test_nothing_is_cut_off_and_no_text_lies_upon_another(shown: Picture) -> None:
    root = ElementTree.fromstring(draw(shown))
    boxes = [box(each) for each in root.iter(f"{_SVG}text")]
    wide, high = float(root.get("width", 0)), float(root.get("height", 0))
    for left, top, right, bottom, text in boxes:
        assert left >= 0, text
        assert top >= 0, text
        assert right <= wide, text
        assert bottom <= high, text
    over = [
        (one[4], other[4])
        for one, other in combinations(boxes, 2)
        if one[0] < other[2] - 1 and other[0] < one[2] - 1 and one[1] < other[3] - 1 and other[1] < one[3] - 1
    ]
    assert not over


def box(element: ElementTree.Element) -> tuple[float, float, float, float, str]:
    look = (element.get("class") or "").split()
    size = 16.0 if "h" in look else 10.5 if "s" in look else 12.0
    text = (element[0].tail if len(element) else element.text) or ""
    wide = width(text, size, "b" in look or "h" in look)
    x, y = float(element.get("x", 0)), float(element.get("y", 0))
    left = {"middle": x - wide / 2, "end": x - wide}.get(element.get("text-anchor", "start"), x)
    return left, y - 0.75 * size, left + wide, y + 0.22 * size, text


def test_every_look_has_a_colour_for_light_and_for_dark() -> None:
    drawn = draw(PICTURES["leaks"])
    used = {name for found in re.findall(r'class="([^"]+)"', drawn) for name in found.split()}
    light, _, dark = drawn.partition("@media(prefers-color-scheme:dark)")
    coloured = used - {"b", "s", "h", "w", "d", "thread"}
    assert coloured <= classes()
    assert all(f".{name}{{" in light and f".{name}{{" in dark for name in coloured)


def test_text_of_functions_is_no_markup() -> None:
    drawn = draw(leaking(1, "<b>&\x00.example"))
    ElementTree.fromstring(drawn)
    assert "<b>" not in drawn


def test_same_picture_is_drawn_alike() -> None:
    assert draw(leaking()) == draw(leaking())


def test_middle_of_a_long_text_is_left_out() -> None:
    shown = fitted("/photos/2026/11/21/holidays/1.jpeg", 12.0, 120.0)
    assert width(shown, 12.0) <= 120.0
    assert shown.startswith("/photos")
    assert shown.endswith(".jpeg")
    assert fitted("short", 12.0, 120.0) == "short"


def test_run_that_is_asked_for_is_named() -> None:
    told = Told()
    told.run(0, 1, SECOND)
    assert SECOND[:8] in draw(picture(told, SECOND))
