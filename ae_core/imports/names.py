"""Names out of files, made fit to be shown: one line, short, told apart. They stay plain text; pages escape them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

LONGEST = 40


def clean(name: str, longest: int = LONGEST) -> str:
    """Without control characters, marks of direction and rows of blanks; cut, with an ellipsis in place of the rest."""
    name = name[: 4 * longest + 200]
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name if not _unseen(c))
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def title(file: str) -> str:
    """What a dataset of that file is called."""
    stem = PurePosixPath(file.replace("\\", "/")).name.split(".")[0]
    return clean(stem.replace("_", " ")) or "data"


def columns(names: Iterable[str]) -> tuple[str, ...]:
    """Clean names, each another one; one that is empty gets its number."""
    return unique([clean(name) or f"column {number}" for number, name in enumerate(names, 1)])


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The same names, the second of a kind with (2) behind it, and so on."""
    taken, found = set(names), []
    seen: dict[str, int] = {}
    for name in names:
        number = seen.get(name, 0) + 1
        other = name
        if number > 1:
            while (other := _numbered(name, number)) in taken:
                number += 1
            taken.add(other)
        seen[name] = number
        found.append(other)
    return tuple(found)


def _numbered(name: str, number: int) -> str:
    end = f" ({number})"
    return name[: LONGEST - len(end)].rstrip() + end


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Cs", "Co", "Cn")
