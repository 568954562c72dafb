"""The book's own text: the prose of its first eight chapters, as characters to be predicted.

The file ``assets/prose.txt`` is a snapshot: later edits of the chapters do not change it, so that records
made from it stay comparable. :func:`prose` is what made it. It is under the license of the book's text, CC BY 4.0.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from pathlib import Path

import numpy as np

from glorot.datasets.store import Dataset, Split

__all__ = ["ALPHABET", "decode", "encode", "prose", "text", "windows"]

ALPHABET = "\n !%'(),-./0123456789:;=?abcdefghijklmnopqrstuvwxyz"
"""The characters of the text; a character's code is its place here."""

_FILE = Path(__file__).parent.parent / "assets" / "prose.txt"
_BLOCKS = re.compile(
    r"\A---\n.*?\n---\n|^```.*?^```|^:::[^\n]*|\$\$.*?\$\$(?: \(\S+\))?", re.M | re.S
)
_MARKUP = (
    (re.compile(r"\{[a-z:]+\}`[^`]*`|\{[^}]*\}|\$[^$]*\$"), ""),  # roles, attributes, formulas
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),  # links
    (re.compile(r"^\|.*$", re.M), ""),  # tables
    (re.compile(r"[`*#_]"), ""),
)
_ALIKE = str.maketrans("−–—’‘“”×", "---''  x")


def prose(markdown: str) -> str:
    """Return the sentences of a chapter's source, in lower case and in ``ALPHABET``'s characters only.

    Example:
        >>> prose("# Title\\n\\nWe *see* $x^2$, then [more](there.md).\\n")
        'title\\n\\nwe see , then more.\\n'
    """
    found = _BLOCKS.sub("", markdown)
    for pattern, kept in _MARKUP:
        found = pattern.sub(kept, found)
    found = found.translate(_ALIKE).lower()
    found = "".join(letter for letter in found if letter in ALPHABET)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +", " ", found)).strip() + "\n"


def encode(words: str) -> np.ndarray:
    """Return the codes of characters, int64 of shape (len(words),).

    Raises:
        ValueError: for a character that is not in ``ALPHABET``.
    """
    codes = np.array([ALPHABET.find(letter) for letter in words], dtype=np.int64)
    if (codes < 0).any():
        raise ValueError(f"words must be of {ALPHABET!r}, got {words[int(codes.argmin())]!r}")
    return codes


def decode(codes: np.ndarray) -> str:
    """Return the characters of codes.

    Example:
        >>> decode(encode("gain"))
        'gain'
    """
    return "".join(ALPHABET[int(code)] for code in codes)


@functools.cache
def text() -> str:
    """Return the book's text, a snapshot of its first eight chapters in ``ALPHABET``'s characters."""
    return _FILE.read_text(encoding="ascii")


@functools.lru_cache(maxsize=4)
def windows(context: int, step: int) -> Dataset:
    """Return pieces of the text, each with the character that follows each of its characters.

    Args:
        context: characters of a piece, T.
        step: characters between the beginnings of two pieces.

    Returns:
        ``images`` are codes, int64 (n, T), ``labels`` the codes one place on, int64 (n, T). The last twentieth
        of the text is for testing, the one before it for validation; no piece crosses these borders.

    Raises:
        ValueError: for a context or step below 1, or a context that leaves a split without a piece.

    Used in *Where does the scale go today?*
    """
    codes = encode(text())
    for name, value in (("context", context), ("step", step)):
        if value < 1 or value >= len(codes) // 20:
            raise ValueError(f"{name} must lie between 1 and {len(codes) // 20 - 1}, got {value!r}")
    cuts = [0, len(codes) * 18 // 20, len(codes) * 19 // 20, len(codes)]
    splits = []
    for first, last in itertools.pairwise(cuts):
        starts = np.arange(first, last - context, step)[:, None] + np.arange(context)
        splits.append(Split(codes[starts], codes[starts + 1]))
    train, valid, test = splits
    return Dataset(
        "text",
        train,
        valid,
        test,
        checksum=hashlib.sha256(text().encode()).hexdigest(),
        shape=(context, 1, 1),
        note=f"the book's own prose, {len(codes):,} characters of {len(ALPHABET)} kinds",
    )
