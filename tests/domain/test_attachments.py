"""What a file may be called, how large it may be, and what it is found to be."""

import hashlib
import io
import struct
import zipfile

import pytest

from emberone.domain.attachments import (
    MAX_FILES,
    PROGRAMS,
    Upload,
    address,
    checked,
    clean_name,
    image_address,
    is_program,
    media_type_of,
)
from tests.domain.refusals import refused

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
GIF = b"GIF89a" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20
PDF = b"%PDF-1.7\n%%EOF"


def _zip(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


def _installer(shift: int = 9, number: int = 0x84, sector: int = 1) -> bytes:
    """A compound file whose root entry is of the class of Windows' installers."""
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", head, 30, shift)
    struct.pack_into("<I", head, 48, sector)
    root = bytearray(1 << shift)
    root[80:96] = bytes([number]) + bytes.fromhex("100c0000000000c000000000000046")
    # The header takes the place of one sector, however large those are.
    before = bytes(((sector + 1) << shift) - 512)
    return bytes(head) + before + bytes(root)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("report.pdf", "report.pdf"),
        (r"C:\Users\ana\report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a/b", "b"),
        ("  two   words.txt ", "two words.txt"),
        ("line\nbreak\tand\x00nul\x7f.txt", "line break andnul.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\u2066\u200bzero\ufeff.txt", "zero.txt"),
        ("lone\ud800.txt", "lone.txt"),
        ("setup.exe. . .", "setup.exe"),
        ("X-ray XX", "X-ray XX"),
        ("\u200c\u200d. name\u200d", "name"),
        ("private\ue000 and unassigned\u0378.txt", "private and unassigned.txt"),
        ("line\u2028and\u2029paragraph.txt", "line and paragraph.txt"),
        ("Cafe\u0301.txt", "Caf\u00e9.txt"),
        (
            "\u0646\u0627\u0645\u0647\u200c\u0647\u0627.txt",
            "\u0646\u0627\u0645\u0647\u200c\u0647\u0627.txt",
        ),
        (".env", "env"),
        ('<img src=x onerror="alert(1)">.png', '<img src=x onerror="alert(1)">.png'),
    ],
)
def test_a_name_loses_its_path_and_what_lies_about_it(name, clean):
    assert clean_name(name) == clean


@pytest.mark.parametrize("name", ["", ".", "..", "/", "\\", " ", "\u202e", "...", "\n"])
def test_a_file_called_nothing_is_called_file(name):
    assert clean_name(name) == "file"
    assert clean_name(name, "image/png") == "file.png"


@pytest.mark.parametrize("letter", ["a", "ж", "🙂"])
def test_a_long_name_is_shortened_before_its_extension(letter):
    name = clean_name(letter * 300 + ".report.pdf")
    assert 240 < len(name.encode()) <= 255
    assert name.endswith(".pdf")
    assert "\ufffd" not in name
    assert len(clean_name("x." + "y" * 400).encode()) == 255


@pytest.mark.parametrize(
    ("name", "shortened"),
    [
        # With its dot the longest extension has 20 characters.
        ("a" * 300 + "." + "b" * 19, "a" * 235 + "." + "b" * 19),
        ("a" * 300 + "." + "b" * 20, "a" * 255),
        # What the cut leaves at the end goes as well.
        ("a" * 249 + ". bcdef.txt", "a" * 249 + ".txt"),
        ("a" * 250 + "X.X.txt", "a" * 250 + "X.txt"),
        ("a" * 300, "a" * 255),
    ],
)
def test_where_a_long_name_is_cut(name, shortened):
    assert clean_name(name) == shortened


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.png", PNG, "image/png"),
        ("a.txt", JPEG, "image/jpeg"),
        ("a.html", GIF, "image/gif"),
        ("a", WEBP, "image/webp"),
        ("a.png", b"not an image", "text/plain"),
        ("a.png", b"\x89PNG but not quite\0", "application/octet-stream"),
        ("a.pdf", PDF, "application/pdf"),
        ("a.png", PDF, "application/pdf"),
        ("a.html", b"<!doctype html><script>alert(1)</script>", "text/html"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "image/svg+xml"),
        ("a.zip", _zip("a"), "application/zip"),
        (
            "a.docx",
            _zip("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.csv", b"a,b\n1,2\n", "text/plain"),
        ("a.txt", "Füße, ключ".encode(), "text/plain"),
        ("a.txt", ("ж" * 40_000).encode(), "text/plain"),
        ("a.bin", bytes(range(256)), "application/octet-stream"),
        ("a.bin", b"Caf\xe9, written in Latin-1", "application/octet-stream"),
        ("a.bin", b"text with a \0 in it", "application/octet-stream"),
        # Only the first 64 KiB are looked at, and a letter may be cut in two there.
        ("a.bin", b"x" * 65_535 + b"\0", "application/octet-stream"),
        ("a.bin", b"x" * 65_536 + b"\0", "text/plain"),
        ("a.bin", b"x" * 65_535 + "ж".encode() + b"\xff", "text/plain"),
        ("a.bin", b"", "application/octet-stream"),
        # A name alone says nothing, nor do two bytes of an image.
        ("a.pdf", b"hello", "text/plain"),
        ("a.jpg", b"\xff\xd8\0 and no more", "application/octet-stream"),
    ],
)
def test_what_a_file_is_stands_in_its_first_bytes(name, content, media_type):
    assert media_type_of(name, content) == media_type


@pytest.mark.parametrize(
    "name",
    ["a.exe", "A.EXE", "photo.jpg.scr", "a.js", "a.lnk", "a.command", "a.jar", "a.exe::$DATA"],
)
def test_a_program_is_known_by_its_name(name):
    assert is_program(name, b"hello")


@pytest.mark.parametrize("extension", sorted(PROGRAMS))
def test_every_extension_of_a_program_is_one_in_capitals_too(extension):
    assert is_program(f"a.{extension.upper()}", b"hello")
    assert not is_program(extension, b"hello")


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00" + b"\0" * 60,
        b"\x7fELF\x02\x01\x01",
        b"\xcf\xfa\xed\xfe\x07",
        b"\xca\xfe\xba\xbe\0",
        b"L\x00\x00\x00\x01\x14\x02\x00",
        # In the first 64 bytes a text has no zero.
        b"MZ" + b"x" * 61 + b"\0",
        _installer(),
        _installer(number=0x82),
        _installer(number=0x86),
        _installer(shift=12),
        _installer(sector=2),
    ],
)
def test_a_program_is_known_by_its_content_whatever_it_is_called(content):
    assert is_program("holiday.jpg", content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"MZ is how this text begins"),
        ("a.txt", b"MZ" + b"x" * 62 + b"\0"),
        ("a.doc", _installer(number=0x85)),
        ("a.doc", _installer(shift=10)),
        ("a.doc", _installer()[:512]),
        # A sector number so large is none, and no way back from the end.
        ("a.doc", _installer()[:48] + b"\xfe\xff\xff\xff" + _installer()[52:]),
        ("a.doc", _installer(shift=12)[:511]),
        ("exe", b"hello"),
        ("exe.txt", b"hello"),
        ("a.html", b"<script>alert(1)</script>"),
        ("a.svg", b"<svg/>"),
        ("a.pdf", PDF),
        ("a.zip", _zip("setup.exe")),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)),
        ("cut.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.sh", b"#!/bin/sh\n"),
    ],
)
def test_what_no_double_click_runs_is_taken(name, content):
    assert not is_program(name, content)


def test_a_message_of_good_files_is_taken_as_it_is():
    files = checked([Upload("a.png", PNG), Upload("b.pdf", PDF)], limit_mb=1)
    assert [(file.name, file.media_type, file.size) for file in files] == [
        ("a.png", "image/png", len(PNG)),
        ("b.pdf", "application/pdf", len(PDF)),
    ]
    assert files[0].digest == hashlib.sha256(PNG).hexdigest()


def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_refused():
    [file] = checked([Upload("a.bin", bytes(2**20))], limit_mb=1)
    assert file.size == 2**20
    assert refused(checked, [Upload("a.bin", bytes(2**20 + 1))], limit_mb=1) == (
        "“a.bin” is larger than 1 MB.",
        {"field": "files", "name": "a.bin", "limit": 1},
    )


def test_the_files_of_one_message_are_bounded_together():
    files = [Upload(f"{n}.bin", bytes([n]) * (25 * 2**20)) for n in (1, 2)]
    assert len(checked(files, limit_mb=25)) == 2
    assert refused(checked, [*files, Upload("c", b"c")], limit_mb=25) == (
        "The files of one comment are larger than 50 MB together.",
        {"field": "files", "limit": 50},
    )


def test_more_files_than_ten_are_refused():
    files = [Upload(f"{n}.txt", b"%d" % n) for n in range(MAX_FILES + 1)]
    assert len(checked(files[:-1], limit_mb=1)) == MAX_FILES
    assert refused(checked, files, limit_mb=1) == (
        "A comment carries at most 10 files.",
        {"field": "files", "most": 10},
    )


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        (Upload("a.txt", b""), "“a.txt” is empty."),
        (Upload("", b""), "“file” is empty."),
        (
            Upload("safe\u202etxt.exe", b"x"),
            "“safetxt.exe” is a program or a script; we do not take those.",
        ),
        (Upload("a.jpg", b"MZ\0\0"), "“a.jpg” is a program or a script; we do not take those."),
        (Upload("a.exe. ", b"x"), "“a.exe” is a program or a script; we do not take those."),
        # Called by what it is, where it has no name.
        (Upload("..", b"MZ\0\0"), "“file” is a program or a script; we do not take those."),
    ],
)
def test_one_bad_file_refuses_the_message_and_is_named(upload, why):
    said, details = refused(checked, [Upload("good.txt", b"good"), upload], limit_mb=1)
    assert said == why
    assert details == {"field": "files", "name": why.split("”")[0][1:]}


def test_a_name_decides_between_kinds_that_begin_alike():
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
    files = checked([Upload("a.doc", old), Upload("a.xls", old)], limit_mb=1)
    assert [file.media_type for file in files] == ["application/msword", "application/excel"]


def test_a_file_without_a_name_is_called_by_what_it_is():
    files = checked([Upload("", PNG), Upload("/", b"hello")], limit_mb=1)
    assert [file.name for file in files] == ["file.png", "file.txt"]


def test_files_of_one_name_are_told_apart_and_the_same_one_twice_is_once():
    files = checked(
        [
            Upload("a.txt", b"1"),
            Upload("A.txt", b"2"),
            Upload("a.txt", b"1"),
            Upload("a (2).txt", b"3"),
            Upload("l" * 300 + ".txt", b"4"),
            Upload("l" * 300 + ".txt", b"5"),
        ],
        limit_mb=1,
    )
    names = [file.name for file in files]
    assert names[:3] == ["a.txt", "A (2).txt", "a (2) (2).txt"]
    assert names[4].endswith("l (2).txt")
    assert all(len(name.encode()) <= 255 for name in names)


def test_an_address_keeps_the_name_in_one_segment():
    assert address("1", "a b/..%?#&.txt") == "/attachments/1/a%20b%2F..%25%3F%23%26.txt"
    assert address("1", "X") == "/attachments/1/X"
    assert image_address("1") == "/attachments/1/image"
