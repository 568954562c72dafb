"""Where the book is published: one setting, with the environment or the git remote as its default.

Where no address is known there are no launch buttons and no edit links: absent, not broken.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

SSH = re.compile(r"(?:ssh://)?git@(?P<host>[^:/]+)[:/](?P<path>.+)")
HTTPS = re.compile(r"https?://(?:[^@/]*@)?(?P<host>[^/@]+\.[^/@]+)/(?P<path>.+)")


def web_address(remote: str) -> str:
    """The page of a repository, without credentials; ``""`` for anything not on the web.

    >>> web_address("git@example.org:someone/book.git")
    'https://example.org/someone/book'
    >>> web_address("https://user:secret@example.org/someone/book.git")
    'https://example.org/someone/book'
    >>> web_address("/srv/git/book")
    ''
    """
    match = SSH.fullmatch(remote.strip()) or HTTPS.fullmatch(remote.strip())
    if match is None:
        return ""
    return f"https://{match['host']}/{match['path'].rstrip('/').removesuffix('.git')}"


def git_remote(root: Path) -> str:
    """The address of the remote that the checkout came from, ``""`` without one."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return ""


def set_links(app: Sphinx, config: Config) -> None:
    """Give the theme the repository's address, if there is one."""
    root = Path(app.srcdir)
    known = config.book_repository or os.environ.get("BOOK_REPOSITORY") or git_remote(root)
    config.book_repository = web_address(known)
    options = config.html_theme_options
    for name in ("repository_url", "repository_branch", "launch_buttons", "path_to_docs"):
        options.pop(name, None)
    if config.book_repository:
        options["repository_url"] = config.book_repository
        options["repository_branch"] = "main"
        options["use_repository_button"] = True
        options["use_edit_page_button"] = True


def launch_address(config: Config, root: Path, notebook: str) -> str:
    """The address that opens a notebook on Binder, ``""`` while the book has none."""
    match = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", config.book_repository)
    if match is None or not (root / ".binder").is_dir():
        return ""
    return f"https://mybinder.org/v2/gh/{match[1]}/main?urlpath=lab/tree/{notebook}"


def setup(app: Sphinx) -> None:
    """Register the setting; it is resolved before the theme reads its options."""
    app.add_config_value("book_repository", "", "env", types=(str,))
    app.connect("config-inited", set_links, priority=400)
