"""Keys the cache of executed cells by the code under them.

Jupyter's cache looks at a chapter's cells and nothing else: after a change in ``src/`` it would go
on showing old results. Here its folder bears the hash of everything a cell's output rests on.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

PINS = ("requirements.txt", "constraints.txt")


def sources(root: Path) -> list[Path]:
    """Every file that a cell's output rests on: the package with its records, and the pins."""
    package = (p for p in (root / "src").rglob("*") if p.is_file())
    kept = [p for p in package if "__pycache__" not in p.parts and ".egg-info" not in str(p)]
    return sorted(kept) + [root / name for name in PINS]


def execution_key(root: Path) -> str:
    """A hash that changes when, and only when, an executed cell may come out differently."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sources(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def choose_cache(app: Sphinx, config: Config) -> None:
    """Point myst-nb at this key's folder and drop the folders of other keys.

    The path is part of Sphinx's environment, so a new key also makes every chapter be read anew.
    """
    root = Path(app.srcdir)
    folder = root / "_build" / ".jupyter_cache" / execution_key(root)
    for other in folder.parent.glob("*"):
        if other.name != folder.name:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    config.nb_execution_cache_path = str(folder)


def setup(app: Sphinx) -> None:
    """Choose the cache before myst-nb reads its configuration."""
    app.connect("config-inited", choose_cache)
