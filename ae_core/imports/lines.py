"""Text files as rows of cells: encoding, delimiter, header and decimal mark are found out by looking."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ae_core.errors import ImportRefused
from ae_core.imports.blobs import Blob
from ae_core.imports.bounds import MEGABYTE
from ae_core.imports.names import clean
from ae_core.imports.numerals import decimal_of, is_missing, number
from ae_core.imports.plan import Delimiter, Dialect, Encoding

LONGEST_LINE = 4 * MEGABYTE  # characters
LONGEST_CELL = MEGABYTE
BLANK = 500_000  # empty lines
WIDEST = 100_000  # cells of a row
GLANCE = 100  # rows that are looked at
FIRST = 256 * 1024  # characters that they may have together
CODECS: dict[Encoding, str] = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "cp1252": "cp1252",
    "gb18030": "gb18030",
}
DELIMITERS: tuple[Delimiter, ...] = ("\t", ";", "|", ",")
_SEPARATOR = re.compile(r"\ufeff?\"?sep=.?\"?\s*", re.IGNORECASE)
_MARKED = re.compile(r"^#+[ \t]*(?=\w)")
_PAIRS = re.compile(rb"[\x80-\xff]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

csv.field_size_limit(LONGEST_CELL)


def encoding_of(blob: Blob) -> Encoding:
    """The encoding that all of it can be read with. Raises ImportRefused for bytes that are no text."""
    with blob.open() as stream:
        head = stream.read(MEGABYTE)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        block, valid = head, True
        while block:
            if b"\0" in block:
                raise no_text(blob)
            if valid:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    valid = False
            block = stream.read(MEGABYTE)
        if valid:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                valid = False
    if valid:
        return "utf-8"
    if _CONTROL.search(head):
        raise no_text(blob)
    if chinese(head) and _decodes(blob, "gb18030"):
        return "gb18030"
    if not western(head) or not _decodes(blob, "cp1252"):
        raise no_text(blob)
    return "cp1252"


def chinese(sample: bytes) -> bool:
    """Whether bytes beyond ASCII come in pairs and often in several, as in GBK; in Western text they stand alone."""
    runs = set(_PAIRS.findall(sample))
    pairs = sum(len(run) % 2 == 0 for run in runs)
    words = sum(len(run) >= 4 for run in runs)
    return pairs > 0.8 * len(runs) and words > 0.3 * len(runs)


def western(sample: bytes) -> bool:
    """Whether bytes beyond ASCII are rare, as accents are."""
    return sum(map(len, _PAIRS.findall(sample))) < 0.4 * len(sample)


def _decodes(blob: Blob, encoding: Encoding) -> bool:
    decoder = codecs.getincrementaldecoder(CODECS[encoding])()
    with blob.open() as stream:
        try:
            while block := stream.read(MEGABYTE):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def no_text(blob: Blob) -> ImportRefused:
    """The refusal of bytes that are none."""
    return ImportRefused(
        f"{clean(blob.name)} is no text that can be read. Save it as CSV in UTF-8, then choose it again."
    )


@dataclass
class Meter:
    """Characters that were read."""

    read: int = 0


def lines(blob: Blob, encoding: Encoding, meter: Meter | None = None) -> Iterator[str]:
    """Its lines with their ends. Raises ImportRefused for a line without end, and for bytes of another encoding."""
    meter = meter or Meter()
    with io.TextIOWrapper(blob.open(), CODECS[encoding], newline="") as text:
        while True:
            try:
                line = text.readline(LONGEST_LINE)
            except UnicodeError:
                raise ImportRefused(
                    f"{clean(blob.name)} cannot be read as {encoding}. Choose another encoding."
                ) from None
            if not line:
                return
            meter.read += len(line)
            if len(line) >= LONGEST_LINE:
                raise ImportRefused(
                    f"{clean(blob.name)} has a line of more than {LONGEST_LINE // 1_000_000} million characters. "
                    "Expected a row of a table in each line."
                )
            if "\0" in line:
                raise no_text(blob)
            yield line


def below(text: Iterable[str]) -> Iterator[str]:
    """The lines of the table itself: without what Excel is told about delimiters, and without comments above it. A last
    comment with as many delimiters as the line below has is the header; several such are rows.
    """
    text = iter(text)
    line = next(text, "")
    if _SEPARATOR.fullmatch(line):
        line = next(text, "")
    comments: list[str] = []
    length = 0
    while line.startswith("#") and length < FIRST:
        comments.append(line)
        length += len(line)
        line = next(text, "")
    alike = [_like(comment, line) for comment in comments]
    if sum(alike) > 1 or not line or line.startswith("#"):
        yield from comments
    elif alike and alike[-1]:
        yield _MARKED.sub("", comments[-1])
    if line:
        yield line
    yield from text


def _like(comment: str, line: str) -> bool:
    """Whether it has as many cells."""
    for mark in DELIMITERS:
        if mark in line:
            return comment.count(mark) == line.count(mark)
    return len(_MARKED.sub("", comment).split()) == len(line.split()) > 1


def rows(blob: Blob, dialect: Dialect, meter: Meter | None = None) -> Iterator[list[str]]:
    """Rows of cells, without empty rows, the header first if there is one. Raises ImportRefused where quotation marks
    do not close, and for very many cells in a row.
    """
    text = prepared(below(lines(blob, dialect.encoding, meter)), dialect.delimiter)
    reader = csv.reader(
        text,
        delimiter="\t" if dialect.delimiter == "::" else dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
        strict=True,
    )
    blank = 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            raise ImportRefused(
                f"{clean(blob.name)} has a quotation mark near line {reader.line_num:,} that is not closed where its "
                "cell ends. Correct it, or say that quotation marks mean nothing."
            ) from None
        if row is None:
            return
        if len(row) > WIDEST:
            raise ImportRefused(f"{clean(blob.name)} has far more columns than can be used. Choose a part of them.")
        if any(row) and (len(row) > 1 or row[0].strip()):
            yield row
            continue
        blank += 1
        if blank > BLANK:
            raise ImportRefused(f"{clean(blob.name)} has more than {BLANK:,} empty lines. Choose a file with data.")


def extent(blob: Blob, dialect: Dialect) -> tuple[int, int]:
    """Its lines, and its cells as far as marks between them tell: those inside of quotation marks count too."""
    marks = {mark: 0 for mark in (b"\n", b"\r", dialect.delimiter.encode())}
    with blob.open() as stream:
        while block := stream.read(MEGABYTE):
            for mark in marks:
                marks[mark] += block.count(mark)
    lines = max(marks[b"\n"], marks[b"\r"])
    return lines, lines + marks[dialect.delimiter.encode()]


def more_than(blob: Blob, dialect: Dialect, lines: int, most: int) -> bool:
    """Whether it has more rows than that. Most files say so by having no more lines; the others are counted out."""
    if lines < most:
        return False
    return next(islice(rows(blob, dialect), most, None), None) is not None


def prepared(text: Iterable[str], delimiter: Delimiter) -> Iterable[str]:
    """Lines with a delimiter of one character: blanks in a row count as one."""
    if delimiter == "::":
        return (line.replace("::", "\t") for line in text)
    if delimiter == " ":
        return (" ".join(line.split()) + "\n" for line in text)
    return text


def dialect_of(blob: Blob) -> Dialect:
    """How it most likely wants to be read."""
    encoding = encoding_of(blob)
    first = beginning(blob, encoding)
    delimiter = delimiter_of(first)
    quoted = delimiter != "\t" or _closes(blob, Dialect(encoding=encoding, delimiter=delimiter))
    told = Dialect(encoding=encoding, delimiter=delimiter, quoted=quoted)
    sample = list(islice(_some(first, told), GLANCE))
    decimal = decimal_of((cell for row in sample[1:] or sample for cell in row), delimiter)
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        quoted=quoted,
        decimal=decimal,
        header=has_header(sample, told.model_copy(update={"decimal": decimal})),
    )


def beginning(blob: Blob, encoding: Encoding) -> list[str]:
    """The first lines, whole ones."""
    found, length = [], 0
    for line in below(lines(blob, encoding)):
        found.append(line)
        length += len(line)
        if len(found) >= GLANCE or length > FIRST:
            break
    return found


def delimiter_of(first: list[str]) -> Delimiter:
    """The one that cuts the lines into equally many cells; where several do, the one that is least often in a text."""
    best: tuple[float, Delimiter] = (0.0, ",")
    if sum("::" in line for line in first) > 0.9 * len(first):
        return "::"
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in _some(first, Dialect(delimiter=delimiter)))
        if not widths:
            continue
        width, often = widths.most_common(1)[0]
        share = often / widths.total()
        if width > 1 and share > best[0] + 0.02:
            best = (share, delimiter)
    if best[0] < 0.5 and _blanks(first):
        return " "
    return best[1]


def _blanks(first: list[str]) -> bool:
    """Whether blanks stand between numbers."""
    cut = [line.split() for line in first if line.strip()]
    return (
        len(cut) > 1
        and len(cut[-1]) > 1
        and len({len(row) for row in cut[1:]}) == 1
        and all(number(cell) is not None for row in cut[1:] for cell in row)
    )


def _some(first: list[str], dialect: Dialect) -> Iterator[list[str]]:
    """Rows of the first lines, as well as they can be cut."""
    delimiter = "\t" if dialect.delimiter == "::" else dialect.delimiter
    reader = csv.reader(
        prepared(first, dialect.delimiter),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
    )
    try:
        yield from (row for row in reader if any(cell.strip() for cell in row))
    except csv.Error:
        return


def _closes(blob: Blob, dialect: Dialect) -> bool:
    """Whether quotation marks hold cells together all the way."""
    try:
        for _ in rows(blob, dialect):
            pass
    except ImportRefused:
        return False
    return True


def has_header(sample: list[list[str]], dialect: Dialect) -> bool:
    """Whether the first row names the columns: it has no numbers where others have some, or numbers that count on."""
    if len(sample) < 2:
        return bool(sample) and all(number(cell, dialect.decimal) is None for cell in sample[0])
    first, body = sample[0], sample[1:]
    told = [number(cell, dialect.decimal) for cell in first if not is_missing(cell)]
    figures = [value for value in told if value is not None]
    if figures:
        steps = {b - a for a, b in zip(figures, figures[1:], strict=False)}
        return len(figures) > 2 and steps == {1.0} and len(figures) >= len(told) - 2
    numeric = any(number(cell, dialect.decimal) is not None and not is_missing(cell) for row in body for cell in row)
    if numeric:
        return True
    names = {at: cell.strip() for at, cell in enumerate(first) if cell.strip()}
    fresh = all(name not in {row[at].strip() for row in body if at < len(row)} for at, name in names.items())
    return len(set(names.values())) == len(names) and fresh and all(len(name) <= 40 for name in names.values())
