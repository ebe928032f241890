"""Reading tables out of text files, however broken, a row at a time.

A row that cannot be read is handed on as :class:`Rejected` and the next one is
found again; only a file that is no table at all raises. Nothing but the row at
hand is kept in memory.
"""

import codecs
import csv
import io
import stat
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from emberone.domain.errors import Invalid
from emberone.domain.imports.rows import Rejected, shown

#: A row with more than this is given up: usually a quotation mark that is never closed.
MAX_RECORD: Final = 4_000_000
_DELIMITERS: Final = ",;\t|"
_REASONS: Final[Mapping[str, str]] = {
    "unexpected end of data": "a quotation mark is never closed",
    "too long": f"it has more than {MAX_RECORD:,} characters",
}
_UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableFile(Invalid):
    """The file cannot be read."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in the file."""

    line: int
    fields: Sequence[str]


class Table:
    """A text file of delimited rows below a header; a context manager, read once.

    UTF-8 with or without a mark, UTF-16 with one; a line that is not UTF-8 is
    taken for Windows-1252, of which ISO-8859-1 is a part. The delimiter is the
    one that the header uses most.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)
        self.size = max(path.stat().st_size, 1)
        try:
            self._lines = _Lines(self._file)
            self._delimiter = _delimiter(self._lines)
            self.header: list[str] = []
            self.header = self._read_header()
            #: A name of its own for each column.
            self.columns = _distinct(self.header)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return min(self._file.tell(), self.size)

    def require(self, columns: Sequence[str]) -> None:
        """Raise UnreadableFile unless the header has each of these columns, once."""
        names = Counter(self.header)
        missing = [column for column in columns if column not in names]
        if missing:
            raise UnreadableFile(f"{self._path} lacks the columns {', '.join(missing)}.")
        for column in columns:
            if names[column] > 1:
                raise UnreadableFile(f"{self._path} has the column {shown(column)} twice.")

    def records(self) -> Iterator[Record | Rejected]:
        """Every row below the header, blank lines left out."""
        try:
            while (record := self._read()) is not None:
                yield record
        except OSError as error:
            raise UnreadableFile(f"{self._path} cannot be read on: {error.strerror}.") from error

    def _read_header(self) -> list[str]:
        try:
            record = self._read()
        except OSError as error:
            raise UnreadableFile(f"{self._path} cannot be read: {error.strerror}.") from error
        if record is None:
            raise UnreadableFile(f"{self._path} is empty.")
        if isinstance(record, Rejected) or not all(map(_is_heading, record.fields)):
            raise UnreadableFile(f"{self._path} is not a table: its first line is no header.")
        return [column.strip() for column in record.fields]

    def _read(self) -> Record | Rejected | None:
        """The next row that is not blank; None at the end of the file."""
        width = len(self.header)
        while True:
            line = self._lines.number + 1
            taken: list[str] = []
            try:
                fields = next(
                    csv.reader(self._feed(taken), delimiter=self._delimiter, strict=True), None
                )
            except csv.Error as error:
                # What a missing quotation mark swallowed are rows of their own.
                self._lines.give_back(taken[1:])
                return Rejected(line, _REASONS.get(str(error), f"it is malformed: {error}"))
            if fields is None:
                return None
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            if width and len(fields) != width:
                self._lines.give_back(taken[1:])
                return Rejected(line, f"it has {len(fields)} fields, the header has {width}")
            if any("\x00" in field for field in fields):
                return Rejected(line, "it contains a NUL character")
            return Record(line, fields)

    def _feed(self, taken: list[str]) -> Iterator[str]:
        length = 0
        for line in self._lines:
            taken.append(line)
            length += len(line)
            if self._lines.is_cut or length > MAX_RECORD:
                raise csv.Error("too long")
            yield line


class _Lines:
    """The file's lines, with their number, bounded, and able to be given back."""

    def __init__(self, file: BinaryIO) -> None:
        is_utf_16 = file.read(2) in _UTF_16_MARKS
        file.seek(0)
        self._text = io.TextIOWrapper(
            file,
            encoding="utf-16" if is_utf_16 else "utf-8-sig",
            errors="replace" if is_utf_16 else "surrogateescape",
            newline="",
        )
        self._returned: deque[str] = deque()
        #: The number of the line that was handed out last.
        self.number = 0
        #: Whether that line was too long and its rest is gone.
        self.is_cut = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._returned:
            self.is_cut = False
            line = self._returned.popleft()
        else:
            line = self._text.readline(MAX_RECORD)
            if not line:
                raise StopIteration
            self.is_cut = _is_cut(line)
            rest = line
            while _is_cut(rest):
                rest = self._text.readline(MAX_RECORD)
        self.number += 1
        return line if line.isascii() else _repaired(line)

    def give_back(self, lines: Sequence[str]) -> None:
        """Hand these, the last ones, out again."""
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)


def _open(path: Path) -> BinaryIO:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD + 1))
    try:
        # Anything else would block, or never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFile(f"{path} is not a file.")
        return path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(f"{path} cannot be read: {reason}.") from error


def _delimiter(lines: _Lines) -> str:
    first = next(lines, None)
    if first is None:
        return ","
    lines.give_back([first])
    outside = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _distinct(header: Sequence[str]) -> list[str]:
    """A name of its own for each column: the heading, numbered where it comes again."""
    seen: Counter[str] = Counter()
    names = []
    for heading in header:
        seen[heading] += 1
        names.append(heading if seen[heading] == 1 else f"{heading} ({seen[heading]})")
    return names


def _is_cut(line: str) -> bool:
    return len(line) >= MAX_RECORD and not line.endswith(("\n", "\r"))


def _is_heading(column: str) -> bool:
    return all(character.isprintable() or character.isspace() for character in column)


def _repaired(line: str) -> str:
    """The line as UTF-8 where it is that, else as Windows-1252 or ISO-8859-1."""
    try:
        line.encode()
    except UnicodeEncodeError:
        raw = line.encode("utf-8", "surrogateescape")
        try:
            return raw.decode("cp1252")
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    return line
