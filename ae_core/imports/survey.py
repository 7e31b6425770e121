"""What is in each column of a table, counted in one pass that keeps a little of each."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ae_core.data.text import UNSPACED
from ae_core.imports.archive import Losses
from ae_core.imports.moments import SLIPS as OUT_OF_ORDER
from ae_core.imports.moments import Moments, is_compact, is_moment, moments
from ae_core.imports.names import clean
from ae_core.imports.numerals import Decimal, is_missing, number, tidy
from ae_core.imports.plan import CATEGORIES, CLASSES, ColumnPlan, Count, Use, Why
from ae_core.imports.sheets import Sheet

SETTLED = 20_000  # values after which a column of words is not looked at cell by cell any more
MANY = 200  # different values of a column that are kept apart
PROSE = 8  # words that a document has on average, at least
LINE = 3  # and a headline
SIGNS = 3  # of a script without blanks that count as a word
FOLLOWED = 256  # values that are looked at before it is said whether they follow each other
FEW = 20  # of them that may be out of order at first
APART = 4_000_000  # values of all columns together that are kept until one of them comes again
DIGITS = 20  # largest number of a class in a column without a name
SLIPS = 0.05  # share of values of a column of numbers that may be something else
ANSWERS = frozenset(
    ("label", "labels", "class", "classes", "target", "species", "variety", "cultivar", "y", "category", "categories")
    + ("diagnosis", "outcome", "digit", "sentiment", "survived", "标签", "类别", "类", "分类", "品种", "标记", "诊断")
)
"""What columns of classes are called, in small letters."""
MARKS = frozenset(("quality", "grade", "result", "level", "质量", "等级", "结果"))
"""And what the last column is called where it holds them."""
TEXTS = frozenset(
    ("text", "texts", "review", "reviews", "headline", "headlines", "message", "messages", "comment", "comments", "sms")
    + ("tweet", "tweets", "sentence", "sentences", "文本", "内容", "评论", "标题", "句子", "留言", "短信", "正文")
)
"""What columns of texts are called, so that short ones are recognised."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_ID = re.compile(r"(.*[ _.-])?(id|ids|uuid|guid|index|idx|no|nr|row|rowid|编号|序号)|unnamed.*", re.IGNORECASE)
_CAMEL = re.compile(r".*[a-z](Id|ID)")
_NAMELESS = re.compile(r"column \d+")


@dataclass(eq=False)
class Column:
    """What was seen of a column. numbers, others, missing, infinite: values of each sort. values: the different ones
    with their counts, until there are `MANY`. words: of all values. running: each is one more than the last.
    steps: of both readings of moments, how often one comes after the last, before it, or with it. even: all numbers are
    as far from the last one as the second from the first. repeated: one came twice among the first `room` that are
    whole or words.
    """

    name: str
    decimal: Decimal
    room: int = MANY
    numbers: int = 0
    others: int = 0
    missing: int = 0
    infinite: int = 0
    dates: int = 0
    low: float = math.inf
    high: float = -math.inf
    words: int = 0
    whole: bool = True
    running: bool = True
    even: bool = True
    many: bool = False
    repeated: bool = False
    values: Counter[str] = field(default_factory=Counter)
    steps: Moments = field(default_factory=lambda: np.zeros((3, 2)))
    _last: Moments = field(default_factory=lambda: np.empty((0, 2)))
    _step: float | None = None
    _apart: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, cells: Sequence[str]) -> None:
        """Some more of its cells."""
        if self._settled:
            self._pass_over(cells)
        elif not (self.many and self._measure(cells)):
            for cell, count in Counter(cells).items():
                self._count(cell, count)
        for at in range(0, len(cells), FOLLOWED):
            if self.running or self._in_order():
                self._follow(cells[at : at + FOLLOWED])
        if not self.repeated:
            self._keep_apart(cells)

    def _keep_apart(self, cells: Sequence[str]) -> None:
        """Looks whether a value comes again, by sorted hashes of those that came."""
        if len(self._apart) >= self.room or (self.numeric and not self.whole):
            return
        came = np.sort(np.array([hash(cell) for cell in cells if not is_missing(cell)], dtype=np.int64))
        self._apart = np.sort(np.concatenate((self._apart, came)), kind="stable")  # which merges what is sorted
        self.repeated = bool((np.diff(self._apart) == 0).any())
        if self.repeated:
            self._apart = self._apart[:0]

    @property
    def _settled(self) -> bool:
        """Whether it is known to be words of too many kinds, neither days nor documents."""
        words = self.others > self.told / 2 and not self.dates and not self.prose and not self.lines
        return self.many and words and self.told >= SETTLED

    def _pass_over(self, cells: Sequence[str]) -> None:
        said = [cell for cell in cells if not is_missing(cell)]
        self.missing += len(cells) - len(said)
        self.others += len(said)

    def _measure(self, cells: Sequence[str]) -> bool:
        """Counts cells that are all plain numbers, ten times as fast as one by one; says whether they are."""
        if self.decimal == ",":
            return False
        try:
            values = np.array(list(map(float, cells)))
        except ValueError:
            return False
        finite = values[np.isfinite(values)]
        missing = int(np.isnan(values).sum())
        self.missing += missing
        self.infinite += len(values) - len(finite) - missing
        self.numbers += len(finite)
        if len(finite):
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
            self.whole = self.whole and bool((finite == np.floor(finite)).all())
        return True

    def _count(self, cell: str, count: int) -> None:
        value = number(cell, self.decimal)
        if value is None:
            self.others += count
            self.words += _words(cell) * count
            if self.dates == self.numbers + self.others - count:  # what has one other value is no column of dates
                self.dates += is_moment(cell) * count
        elif math.isnan(value):
            self.missing += count
            return
        elif math.isinf(value):
            self.infinite += count
            return
        else:
            self.numbers += count
            self.low, self.high = min(self.low, value), max(self.high, value)
            self.whole = self.whole and value == int(value)
        key = tidy(cell) if not self.many else ""
        if key in self.values:
            self.values[key] += count
        elif not self.many:
            self.values[key] = count
            self.many = len(self.values) >= MANY

    def _follow(self, cells: Sequence[str]) -> None:
        found = moments(cells, self.decimal)
        unknown = np.isnan(found).all(axis=1)
        self.running = self.running and not self.others and not unknown.any()
        found = np.concatenate((self._last, found[~unknown]))
        steps = np.diff(found, axis=0)
        self._last = found[-1:]
        if not len(steps):
            return
        self._step = float(steps[0, 0]) if self._step is None else self._step
        self.even = self.even and bool((steps == self._step).all())
        self.running = self.running and self.even and self._step == 1
        self.steps += (steps > 0).sum(axis=0), (steps < 0).sum(axis=0), (steps == 0).sum(axis=0)

    def _in_order(self) -> bool:
        """Whether it may still be found to rise, or to fall."""
        if self.others and self.dates < self.told:
            return False
        up, down, level = self.steps
        return bool((np.minimum(up, down) + level <= np.maximum(FEW, SLIPS * up + SLIPS * down)).any())

    @property
    def orderly(self) -> bool:
        """Whether its values rise, or fall, nearly all the way."""
        up, down, level = self.steps
        count = self.steps.sum(axis=0)
        slips = np.minimum(up, down) + level
        return bool(((slips <= OUT_OF_ORDER * count) & (count == self.told - 1)).any())

    @property
    def told(self) -> int:
        """Values that are there."""
        return self.numbers + self.others

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, but for slips of the pen."""
        return self.numbers > 0 and self.others <= SLIPS * self.told

    @property
    def prose(self) -> bool:
        """Whether its values are documents."""
        long = self.words >= PROSE * max(self.others, 1) and not self.numeric and len(self.values) > 2
        return long or (self.called_text and self.lines)

    @property
    def called_text(self) -> bool:
        """Whether its name promises texts."""
        return self.name.lower().strip("_ ") in TEXTS

    @property
    def lines(self) -> bool:
        """Whether its values may be short texts: lines of some words, most of them different."""
        different = len(self.values) > CATEGORIES or (self.alone and len(self.values) > 2)
        return different and not self.numeric and not self.moments and self.words >= LINE * self.others

    @property
    def moments(self) -> bool:
        """Whether its values are days or moments."""
        compact = self.numeric and not self.others and len(self.values) > 2 and all(map(is_compact, self.values))
        return compact or (self.others > 0 and self.dates == self.told)

    @property
    def alone(self) -> bool:
        """Whether no value occurs twice, as far as they were kept apart."""
        return not self.repeated

    @property
    def identifies(self) -> bool:
        """Whether it is called like something that tells one from the other."""
        return bool(_ID.fullmatch(self.name) or _CAMEL.fullmatch(self.name))

    def use(self) -> tuple[Use, Why | None]:
        """What becomes of it, and if nothing, why."""
        kinds = len(self.values)
        if not self.told:
            return "leave_out", "empty"
        if kinds == 1:
            return "leave_out", "constant"
        if self._names_rows():
            return "leave_out", "identifier"
        if self.moments:
            return "leave_out", "date"
        if self.numeric and kinds != 2:
            return "number", None
        if kinds == 2:
            return "binary", None
        if self.prose:
            return "leave_out", "text"
        if kinds <= CATEGORIES:
            return "category", None
        return "leave_out", "identifier" if self.alone else "many"

    def _names_rows(self) -> bool:
        """Whether it only says which row it is."""
        named = self.identifies
        if not self.numeric:
            return self.alone and not self.prose and not self.moments
        nameless = bool(_NAMELESS.fullmatch(self.name))
        return self.whole and ((named and self.alone) or (self.running and (named or nameless)))

    def plan(self) -> ColumnPlan:
        """The column as it can be used."""
        use, why = self.use()
        common = [clean(value, 20) for value, _ in self.values.most_common(3)]
        return ColumnPlan(
            name=self.name,
            use=use,
            why=why or "",
            missing=self.missing + self.infinite,
            distinct=len(self.values),
            examples=tuple(common),
        )


@dataclass(frozen=True)
class Survey:
    """All columns of a sheet, the number of its rows, and what could not be read of it."""

    columns: tuple[Column, ...]
    rows: int
    losses: Losses

    def named(self, name: str) -> Column:
        """The column of that name, which is there."""
        return next(column for column in self.columns if column.name == name)

    def can_be_label(self, column: Column) -> bool:
        """Whether its values can be classes."""
        return 2 <= len(column.values) <= CLASSES and not column.many and not column.prose and not column.moments

    def label(self, header: bool) -> str:
        """The column that most likely holds the classes, or "": the last one that is called so, or, where columns have
        no names, the only one of text, or the first or last one of few small numbers beside fractions and texts.
        """
        fit = [column for column in self.columns if self.can_be_label(column)]
        names = {column.name.lower().strip("_ ") for column in self.columns}
        answers = ANSWERS - {"y"} if "x" in names else ANSWERS  # then they are points
        few = [
            column
            for column in fit
            if len(column.values) <= max(CATEGORIES, 2) and (column.whole or not column.numeric)
        ]
        called = [column for column in few if column.name.lower().strip("_ ") in answers]
        last = self.columns[-1]
        if not called and last in few and last.name.lower().strip("_ ") in MARKS:
            called = [last]
        if called:
            return called[-1].name
        texts = [column for column in self.columns if column.others > column.numbers]
        if not header and len(texts) == 1 and texts[0] in fit:
            return texts[0].name
        return "" if header else self._numbered(few)

    def _numbered(self, few: list[Column]) -> str:
        """The first or last column, if it counts from 0 or 1 and most of the others do not hold whole numbers; of both
        the one with fewer values, but rather three than a yes or no.
        """
        edges = [
            edge
            for edge in (self.columns[-1], self.columns[0])
            if edge in few and edge.numeric and edge.low in (0, 1) and edge.high <= DIGITS
        ]
        rest = sum(not column.whole or not column.numeric for column in self.columns)
        if not edges or rest <= (len(self.columns) - 1) / 2:
            return ""
        return max(edges, key=lambda edge: (len(edge.values) > 2, -len(edge.values))).name


def _words(text: str) -> int:
    return text.count(" ") + 1 + (0 if text.isascii() else len(_UNSPACED.findall(text)) // SIGNS)


def survey(sheet: Sheet) -> Survey:
    """Looks through all of it once."""
    room = APART // max(len(sheet.names), 1)
    found = tuple(Column(name, sheet.decimal, room) for name in sheet.names)
    rows = 0
    for block in sheet.blocks():
        rows += len(block[0])
        for column, cells in zip(found, block, strict=True):
            column.add(cells)
    return Survey(found, rows, sheet.losses)


def classes(column: Column) -> tuple[Count, ...]:
    """How often each of its values is there, the commonest first."""
    return tuple(Count(name=clean(name), count=count) for name, count in column.values.most_common(CLASSES))
