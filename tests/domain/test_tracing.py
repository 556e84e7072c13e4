"""Trace headers: what is passed on, who decides, and the segment of an actively traced function."""

import pytest

from neve.domain.tracing import begin_segment, new_header, trace_id

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
SEGMENT = "07f5a1b2c3d4e5f6"


@pytest.mark.parametrize(("mode", "sampled"), [("PassThrough", 0), ("Active", 1)])
def test_a_new_header_has_the_decision_of_the_mode(mode: str, sampled: int) -> None:
    random = "bd862e3fe1be46a99427279353995c3f42cd8ad8"
    assert new_header(0x5759E988, random, mode) == f"{ROOT};Parent=53995c3f42cd8ad8;Sampled={sampled}"


@pytest.mark.parametrize(
    ("header", "begun"),
    [
        (f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1", f"{ROOT};Parent={SEGMENT};Sampled=1"),
        (f"{ROOT};Sampled=1;Lineage=1:a87bd80c:0", f"{ROOT};Parent={SEGMENT};Sampled=1;Lineage=1:a87bd80c:0"),
        (ROOT, f"{ROOT};Parent={SEGMENT};Sampled=1"),
        (f"{ROOT};Sampled=?", f"{ROOT};Parent={SEGMENT};Sampled=1"),
        (f"Self=1-0-0;{ROOT};Sampled=1", f"Self=1-0-0;{ROOT};Parent={SEGMENT};Sampled=1"),
        (f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=0", None),
        ("what is this", f"Parent={SEGMENT};Sampled=1;what is this"),
    ],
)
def test_a_sampled_run_begins_a_segment(header: str, begun: str | None) -> None:
    assert begin_segment(header, SEGMENT) == begun


@pytest.mark.parametrize(
    ("header", "found"),
    [(f"{ROOT};Sampled=1", ROOT[5:]), (f"Sampled=1;{ROOT}", ROOT[5:]), ("", ""), ("Sampled=1", "")],
)
def test_the_trace_is_the_root(header: str, found: str) -> None:
    assert trace_id(header) == found
