"""Code archives: what is taken, what is refused, and that nothing else ever comes out."""

import contextlib
import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neve.domain import archive
from neve.domain.archive import Archive, Kind
from neve.domain.errors import InvalidParameterValue, NeveError, RequestTooLarge
from neve.domain.limits import Quotas

LINK = stat.S_IFLNK | 0o777
BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
Given = tuple[str, str | bytes, int]


def zipped(*entries: Given, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as target:
        for name, text, mode in entries:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it is: the constructor mends names
            info.external_attr = mode << 16
            info.compress_type = compression
            target.writestr(info, text)
    return content.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidParameterValue) as caught:
        archive.check(content)
    return caught.value.message


def test_files_folders_and_links_are_seen() -> None:
    content = zipped(
        ("bin/tool", "#!", stat.S_IFREG | 0o755), ("lib/", "", 0), ("./lib/a.js", "1", 0o600), ("a", "lib/a.js", LINK)
    )
    seen = [(entry.path, entry.kind, entry.executable, entry.target) for entry in Archive(content).entries]
    assert seen == [
        ("bin/tool", Kind.FILE, True, ""),
        ("lib", Kind.FOLDER, False, ""),
        ("lib/a.js", Kind.FILE, False, ""),
        ("a", Kind.LINK, True, "lib/a.js"),
    ]
    archive.check(content)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06", zipped(("a", "x" * 1000, 0))[:-30]])
def test_what_is_no_zip_has_the_services_sentence(content: bytes) -> None:
    assert refusal(content) == BAD_ZIP


def test_empty_zip_is_refused() -> None:
    assert refusal(zipped()) == "Uploaded file must be a non-empty zip"


def test_damaged_content_is_refused() -> None:
    content = bytearray(zipped(("a", "some text", 0), compression=zipfile.ZIP_STORED))
    content[content.index(b"some text")] ^= 1
    assert refusal(bytes(content)) == BAD_ZIP


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x", "would leave the folder"),
        ("a/../../x", "would leave the folder"),
        ("/etc/passwd", "has an absolute name"),
        ("C:/x", "has an absolute name"),
        ("c:x", "has an absolute name"),
        ("a\\b", "has a backslash"),
        ("..\\x", "has a backslash"),
        ("n" * 256, "has too long a name"),
        ("/".join(["d"] * 201), "has too long a name"),
        (".", "has no name"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str, why: str) -> None:
    message = refusal(zipped((name, "x", 0)))
    assert message.startswith(BAD_ZIP)
    assert why in message


@pytest.mark.parametrize(
    "links",
    [
        [("a", "..")],
        [("a", "/etc")],
        [("d/a", "../..")],
        [("d/e", ".."), ("x", "d/e/..")],  # inside by its letters, outside through the other link
        [("a", "b/.."), ("b", ".."), ("d/f", "x")],
        [("a", "b"), ("b", "a")],
        [("a", "x/" * 300)],
    ],
)
def test_links_that_lead_outside_are_refused(links: list[tuple[str, str]]) -> None:
    message = refusal(zipped(*((name, target, LINK) for name, target in links)))
    assert "would leave the folder of the code" in message


def test_links_inside_may_go_through_links() -> None:
    archive.check(
        zipped(
            ("packages/a/index.js", "1", 0),
            ("node_modules/a", "../packages/a", LINK),
            ("node_modules/.bin/a", "../a/index.js", LINK),
            ("dangling", "nowhere/at/all", LINK),
        )
    )


@pytest.mark.parametrize(
    "entries",
    [
        [("a", "1", 0), ("a", "2", 0)],
        [("a", "1", 0), ("./a", "2", 0)],
        [("a/", "", 0), ("a", "2", 0)],
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_place_twice_is_refused(entries: list[Given]) -> None:
    assert refusal(zipped(*entries)).endswith("Entry 'a' is there twice.")


@pytest.mark.parametrize("kind", [0, LINK])
@pytest.mark.parametrize("below", ["a/b", "A/b", "a/b/c/d"])
def test_nothing_is_below_a_file_or_a_link(kind: int, below: str) -> None:
    message = refusal(zipped(("a-", "1", 0), ("a", "d", kind), ("a.b", "1", 0), (below, "1", 0)))
    assert message.endswith(f"Entry '{below}' is below one that is no folder.")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_folders_may_repeat() -> None:
    archive.check(zipped(("a/", "", 0), ("a/b", "1", 0), ("a/", "", 0)))


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_are_refused(kind: int) -> None:
    assert "neither a file, a folder nor a link" in refusal(zipped(("null", "", kind | 0o666)))


def test_encrypted_entries_are_refused() -> None:
    content = bytearray(zipped(("a", "x", 0)))
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(signature) + flags] |= 1
    assert refusal(bytes(content)).endswith("Entry 'a' is encrypted.")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_unbounded_memory_are_refused(method: int) -> None:
    assert refusal(zipped(("a", "x", 0), compression=method)).endswith("Entry 'a' is neither stored nor deflated.")


def test_sizes_are_counted_and_not_believed() -> None:
    quotas = Quotas(code_unzipped=3_000_000)
    content = zipped(("a", b"\0" * 1_600_000, 0), ("b", b"\0" * 1_600_000, 0))
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 3000000 bytes"):
        archive.check(content, quotas)
    archive.check(zipped(("a", b"\0" * 3_000_000, 0)), quotas)  # at the limit


def test_headers_that_promise_less_give_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(zipped(("a", b"\0" * 1_000_000, 0)))
    central = content.index(b"PK\x01\x02") + 24
    content[central : central + 4] = (10).to_bytes(4, "little")
    assert refusal(bytes(content)) == BAD_ZIP


def test_zip_over_the_size_of_an_upload() -> None:
    quotas = Quotas(code_zipped=100)
    with pytest.raises(RequestTooLarge) as caught:
        archive.check(zipped(("a", "x", 0)), quotas)
    archive.check(zipped(("a", "x", 0)), quotas, direct=False)
    assert caught.value.message == "Zipped size must be smaller than 100 bytes"


def test_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ENTRIES", 2)
    assert "more than 2 entries" in refusal(zipped(("a", "", 0), ("b", "", 0), ("c", "", 0)))


GOOD = zipped(
    ("d/", "", 0o755),
    ("d/a", "text " * 50, 0o644),
    ("d/l", "a", LINK),
    ("b", b"\x00\xff" * 40, 0o755),
)


@given(st.binary(max_size=200))
def test_any_bytes_give_nothing_but_neve_errors(content: bytes) -> None:
    with pytest.raises(NeveError):
        archive.check(content)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(GOOD)))
def test_damage_gives_nothing_but_neve_errors(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(GOOD)
    for position, value in changes:
        content[position] = value
    for each in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(NeveError):
            archive.check(each)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=8), st.sampled_from([0, 0o755, LINK])), max_size=5))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_names_give_nothing_but_neve_errors(entries: list[Given]) -> None:
    try:
        content = zipped(*entries)
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be written into a zip at all
    try:
        paths = [entry.path for entry in Archive(content).entries]
    except NeveError:
        return
    assert not any(path.startswith("/") or ".." in path.split("/") for path in paths)
