"""Reading tables: whatever is wrong with a file, its good rows are found."""

import pytest

from emberone.domain.imports.rows import Rejected, Row
from emberone.services.imports import files
from emberone.services.imports.files import Record, Table, UnreadableFile
from emberone.services.imports.spool import Spool


@pytest.fixture
def read(tmp_path):
    def from_bytes(content: bytes) -> list[tuple[int, list[str] | str]]:
        path = tmp_path / "a file.csv"
        path.write_bytes(content)
        with Table(path) as table:
            return [
                (record.line, list(record.fields))
                if isinstance(record, Record)
                else (record.line, record.reason)
                for record in table.records()
            ]

    return from_bytes


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n3,4",
        b"a,b\r1,2\r3,4\r",
        b"a;b\n1;2\n3;4\n",
        b"a\tb\n1\t2\n3\t4\n",
        b'"a"|"b"\n"1"|2\n3|"4"\n',
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4\n".encode("utf-16"),
        b"\xfe\xff" + "a,b\r\n1,2\r\n3,4\r\n".encode("utf-16-be"),
    ],
)
def test_line_ends_delimiters_and_marks_are_found_out(read, content):
    assert read(content) == [(2, ["1", "2"]), (3, ["3", "4"])]


def test_blank_lines_are_nothing(read):
    assert read(b"\n\na,b\n\n1,2\n \n\n3,4\n\n") == [(5, ["1", "2"]), (8, ["3", "4"])]


@pytest.mark.parametrize(
    "encoded",
    ["Größe €".encode(), "Größe €".encode("cp1252"), "Größe €".encode("utf-8-sig")[3:]],
)
def test_text_is_utf_8_or_windows_1252(read, encoded):
    assert read(b"a,b\nx," + encoded + b"\n") == [(2, ["x", "Größe €"])]


def test_text_is_iso_8859_1_where_it_can_be_nothing_else(read):
    assert read(b"a,b\nx,\x81\xe4\n") == [(2, ["x", "\x81ä"])]


def test_one_line_in_another_encoding_does_not_spoil_the_others(read):
    assert read("a,b\nx,ä\n".encode() + b"y,\xe4\n" + "z,ö\n".encode()) == [
        (2, ["x", "ä"]),
        (3, ["y", "ä"]),
        (4, ["z", "ö"]),
    ]


def test_a_quoted_field_may_hold_line_ends_delimiters_and_quotes(read):
    assert read(b'a,b\n"1\r\n,""x""",2\n3,4\n') == [(2, ['1\r\n,"x"', "2"]), (4, ["3", "4"])]


def test_a_ragged_row_is_rejected_and_the_next_is_read(read):
    assert read(b"a,b\n1\n1,2,3\n4,5\n") == [
        (2, "it has 1 fields, the header has 2"),
        (3, "it has 3 fields, the header has 2"),
        (4, ["4", "5"]),
    ]


def test_an_open_quote_costs_its_own_row_and_no_other(read):
    assert read(b'a,b\n"1,2\n3,4\n5,6\n') == [
        (2, "a quotation mark is never closed"),
        (3, ["3", "4"]),
        (4, ["5", "6"]),
    ]
    assert read(b'a,b\n1,"2\n3,4\n5,"6, 7"\n') == [
        (2, "it is malformed: ',' expected after '\"'"),
        (3, ["3", "4"]),
        (4, ["5", "6, 7"]),
    ]


def test_an_open_quote_in_a_large_file_is_given_up_in_time(read, monkeypatch):
    monkeypatch.setattr(files, "MAX_RECORD", 1000)
    content = b'a,b\n"1,2\n' + b"3,4\n" * 2000
    found = read(content)
    assert found[0][0] == 2
    assert "more than" in found[0][1]
    assert found[1:] == [(line, ["3", "4"]) for line in range(3, 2003)]


def test_a_line_without_an_end_is_rejected_and_the_next_is_read(read, monkeypatch):
    monkeypatch.setattr(files, "MAX_RECORD", 1000)
    found = read(b"a,b\n1,2\nx," + b"y" * 5000 + b"\n3,4\n")
    assert [line for line, _ in found] == [2, 3, 4]
    assert "more than" in found[1][1]
    assert found[2] == (4, ["3", "4"])


def test_a_field_of_a_million_characters_is_read(read):
    assert read(b"a,b\n1," + b"x" * 1_000_000 + b"\n") == [(2, ["1", "x" * 1_000_000])]


def test_a_nul_costs_its_own_row(read):
    assert read(b"a,b\n1,\x00\n3,4\n") == [(2, "it contains a NUL character"), (3, ["3", "4"])]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00\n\x00\x01", "no header"),
        (b"PK\x03\x04\x14\x00", "no header"),
        (bytes(range(256)) * 100, "no header"),
        ("a,b\n1,2\n".encode("utf-16-le"), "no header"),
        (b'"a,b\n1,2\n', "no header"),
    ],
)
def test_what_is_no_table_is_refused(read, content, reason):
    with pytest.raises(UnreadableFile, match=reason):
        read(content)


def test_what_cannot_be_opened_is_refused(tmp_path):
    for path, reason in (
        (tmp_path, "is not a file"),
        (tmp_path / "none.csv", "No such file"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / "a\x00b", "cannot be read"),
    ):
        with pytest.raises(UnreadableFile, match=reason):
            Table(path)


def test_columns_are_required_once(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b,b,c,c\n")
    with Table(path) as table:
        table.require(["a"])
        assert table.columns == ["a", "b", "b (2)", "c", "c (2)"]
        with pytest.raises(UnreadableFile, match="lacks the columns d, e"):
            table.require(["a", "d", "e"])
        with pytest.raises(UnreadableFile, match="'b' twice"):
            table.require(["b"])


def test_a_file_is_read_a_piece_at_a_time(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 100_000)
    with Table(path) as table:
        records = table.records()
        assert next(records) == Record(2, ["1", "2"])
        assert table.position < table.size / 10
        assert sum(isinstance(record, Rejected) for record in records) == 0
        assert table.position == table.size


def test_rows_set_aside_come_back_by_group_in_file_order():
    with Spool() as spool:
        for line, name in ((2, "b"), (3, "a"), (4, "b"), (9, "c"), (7, "a")):
            spool.put(name, line, {"n": str(line)})
        assert len(spool) == 5
        assert list(spool.groups()) == [
            [Row(2, {"n": "2"}), Row(4, {"n": "4"})],
            [Row(3, {"n": "3"}), Row(7, {"n": "7"})],
            [Row(9, {"n": "9"})],
        ]


def test_what_is_met_again_is_counted():
    with Spool() as spool:
        assert [spool.count(content) for content in (b"a", b"b", b"a", b"a")] == [1, 1, 2, 3]
