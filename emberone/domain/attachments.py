"""Files that people attach: what they may be called, how large they may be, and what they are.

Nothing is ever unpacked or run to find out: a file is judged by its name and its
first and last bytes. What the sender said about its type is not asked.
"""

import codecs
import hashlib
import re
import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import puremagic

from emberone.domain.errors import Invalid

#: One message carries no more files than this, nor more MiB of them together.
MAX_FILES: Final = 10
MAX_TOTAL_MB: Final = 50
#: What file systems take as the name of a file.
MAX_NAME_BYTES: Final = 255

UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"
#: The only kinds that a page ever shows, by their first bytes.
_IMAGES: Final = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)
IMAGES: Final = frozenset(media_type for media_type, _ in _IMAGES)

#: What Windows, macOS and Linux desktops run, install or mount at a double click. Scripts that
#: only open in an editor there (.sh, .py) are texts like others.
_PROGRAMS: Final = (
    # As Gmail and Outlook refuse them.
    "ade adp app appinstaller application appref-ms appx appxbundle bat cab chm cmd com cpl"
    " diagcab diagcfg diagpkg dll exe gadget hlp hta img ins iso isp jar jnlp js jse lib lnk mde"
    " mjs msc msh msh1 msh2 msi msix msixbundle msp mst msu nsh pif ps1 ps1xml ps2 psc1 psm1"
    " pyw pyz pyzw reg scf scr sct settingcontent-ms shb shs sys url vb vbe vbs vbscript vhd vhdx"
    " vxd ws wsb wsc wsf wsh xbap xll"
    # macOS.
    " action applescript command dmg fileloc inetloc kext mobileconfig mpkg pkg prefpane saver"
    " scpt scptd terminal tool webloc workflow"
    # Linux and Android.
    " apk appimage deb desktop rpm"
)
PROGRAMS: Final = frozenset(_PROGRAMS.split())
#: The same by their first bytes, whatever they are called.
_PROGRAM_STARTS: Final = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    # Mach-O for several processors, and Java classes.
    b"\xca\xfe\xba\xbe",
    b"\xbe\xba\xfe\xca",
    # A shortcut of Windows.
    b"L\x00\x00\x00\x01\x14\x02\x00",
    # Compiled help, and installers of macOS and Windows.
    b"ITSF",
    b"xar!",
    b"MSCF",
)
_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: The class of an installer (.msi, .msp, .mst) in a compound file, as Office's old formats are.
_INSTALLER_CLASSES: Final = tuple(
    bytes([number, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46])
    for number in (0x82, 0x84, 0x86)
)

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_SEPARATORS = re.compile(r"[/\\]")
_EXTENSION = re.compile(r"\.([a-z0-9][a-z0-9-]*)[^.]*\Z", re.IGNORECASE)
#: Without them many names in Persian, Hindi and emoji are spelt wrong.
_JOINERS = "\u200c\u200d"
_EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
    TEXT: ".txt",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as somebody sent it: its name is theirs and not to be believed."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """What its bytes are known by: two files of one digest are one content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that may be kept."""

    name: str
    #: What the content was found to be.
    media_type: str
    content: bytes
    #: SHA-256 of the content, in hex.
    digest: str

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)


def checked(files: Sequence[Upload], *, limit_mb: int) -> list[CheckedFile]:
    """The files of one message, ready to be kept, no two of one name; raises Invalid."""
    if len(files) > MAX_FILES:
        raise Invalid("A comment carries at most %(most)s files.", field="files", most=MAX_FILES)
    kept: dict[tuple[str, str], CheckedFile] = {}
    for file in files:
        one = _checked(file, limit_mb)
        # Chosen twice by mistake: one is enough.
        kept.setdefault((one.name, one.digest), one)
    if sum(file.size for file in kept.values()) > MAX_TOTAL_MB * 2**20:
        raise Invalid(
            "The files of one comment are larger than %(limit)s MB together.",
            field="files",
            limit=MAX_TOTAL_MB,
        )
    return _told_apart(kept.values())


def clean_name(name: str, media_type: str = UNKNOWN) -> str:
    """A file's name without path and without characters that lie about it."""
    name = _SEPARATORS.split(name)[-1]
    name = unicodedata.normalize("NFC", "".join(map(_visible, name)))
    # Windows forgets dots and spaces at the end: "setup.exe." is a program there.
    name = " ".join(name.split()).strip(". " + _JOINERS)
    if not name:
        name = "file" + _EXTENSIONS.get(media_type, "")
    return _shortened(name)


def media_type_of(name: str, content: bytes) -> str:
    """What the content is; the name only decides between kinds that look alike."""
    for media_type, start in _IMAGES:
        if start.match(content):
            return media_type
    try:
        guesses = puremagic.magic_string(content, filename=name)
    except (puremagic.PureError, ValueError):
        guesses = []
    for guess in guesses:
        # A tenth is what it makes of the name alone.
        is_believed = guess.confidence > 0.1 and guess.mime_type not in IMAGES
        if is_believed and _MEDIA_TYPE.fullmatch(guess.mime_type):
            return str(guess.mime_type)
    return TEXT if content and _is_text(content) else UNKNOWN


def is_program(name: str, content: bytes) -> bool:
    """Whether a double click might run it, by its name or by its first bytes."""
    extension = _EXTENSION.search(name)
    if extension and extension[1].lower() in PROGRAMS:
        return True
    if content.startswith(b"MZ"):
        # A text may begin with these letters.
        return b"\0" in content[:64]
    return content.startswith(_PROGRAM_STARTS) or _is_installer(content)


def address(attachment_id: object, name: str) -> str:
    """Where the file is fetched from, as a path."""
    return f"/attachments/{attachment_id}/{quote(name, safe='')}"


def image_address(attachment_id: object) -> str:
    """Where an image is shown from, as a path."""
    return f"/attachments/{attachment_id}/image"


def _checked(file: Upload, limit_mb: int) -> CheckedFile:
    media_type = media_type_of(file.name, file.content)
    name = clean_name(file.name, media_type)
    if not file.content:
        raise Invalid("“%(name)s” is empty.", field="files", name=name)
    if len(file.content) > limit_mb * 2**20:
        raise Invalid(
            "“%(name)s” is larger than %(limit)s MB.", field="files", name=name, limit=limit_mb
        )
    if is_program(name, file.content):
        raise Invalid(
            "“%(name)s” is a program or a script; we do not take those.", field="files", name=name
        )
    return CheckedFile(name, media_type, file.content, file.digest)


def _visible(character: str) -> str:
    """The character; a space for one that breaks lines, nothing for one that cannot be seen."""
    category = unicodedata.category(character)
    if character.isspace():
        return " "
    # Control, format (bidi overrides, zero width), surrogate, private, unassigned.
    if category in {"Cc", "Cf", "Cs", "Co", "Cn"} and character not in _JOINERS:
        return ""
    return character


def _shortened(name: str, suffix: str = "") -> str:
    """The name with the suffix before its extension, short enough for any file system."""
    dot = name.rfind(".")
    # An "extension" of a whole sentence is none.
    stem, extension = (name[:dot], name[dot:]) if dot > 0 and len(name) - dot <= 20 else (name, "")
    room = MAX_NAME_BYTES - len((suffix + extension).encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return stem + suffix + extension


def _told_apart(files: Iterable[CheckedFile]) -> list[CheckedFile]:
    """The files, each under a name of its own: a.txt, a (2).txt."""
    taken: set[str] = set()
    result = []
    for file in files:
        name, number = file.name, 1
        while name.lower() in taken:
            number += 1
            name = _shortened(file.name, f" ({number})")
        taken.add(name.lower())
        result.append(CheckedFile(name, file.media_type, file.content, file.digest))
    return result


def _is_text(content: bytes) -> bool:
    """Whether the beginning reads as UTF-8; no more of it is looked at."""
    start = content[: 64 * 1024]
    if b"\0" in start:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _is_installer(content: bytes) -> bool:
    if not content.startswith(_COMPOUND_FILE) or len(content) < 512:
        return False
    (shift,) = struct.unpack_from("<H", content, 30)
    (sector,) = struct.unpack_from("<I", content, 48)
    # The root entry of the directory says what program opens the file.
    if shift not in {9, 12}:
        return False
    at = ((sector + 1) << shift) + 80
    return content[at : at + 16] in _INSTALLER_CLASSES
