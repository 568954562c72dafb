"""Where the book is kept and where it is published: one place for both addresses.

The repository's address is ``book_repository`` in the configuration, else ``$BOOK_REPOSITORY``, else
the git remote; the site's is ``html_baseurl`` in the configuration, else ``$BOOK_ADDRESS``, else where
GitHub Pages would publish the repository. What is not known is ``""``: the links that would need it
are absent, not broken.
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
SITE = re.compile(r"(?P<site>https?://[^/@?#\s]+\.[^/@?#\s]+(?:/[^?#\s]*)?)")
GITHUB = re.compile(r"https://github\.com/(?P<owner>[^/]+)/(?P<name>[^/]+)")
# The hosts whose pages for editing a file and for reporting an error the theme knows; at the address of
# another one it ends the build.
FORGE = re.compile(r"https://(?:github|gitlab)\.com/[^/]+/[^/]+")
BRANCH = "main"


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


def pages_address(repository: str) -> str:
    """Where GitHub Pages publishes a repository, ``""`` for any other host's.

    >>> pages_address("https://github.com/Someone/book")
    'https://someone.github.io/book/'
    >>> pages_address("https://github.com/someone/someone.github.io")
    'https://someone.github.io/'
    """
    match = GITHUB.fullmatch(repository)
    if match is None:
        return ""
    host = f"{match['owner']}.github.io".lower()
    return f"https://{host}/" + ("" if match["name"].lower() == host else f"{match['name']}/")


def site_address(config: Config) -> str:
    """The address of the published book with a slash at its end, ``""`` while none is known.

    The students' edition is published by whoever teaches: it takes no address from the repository,
    whose site shows the solutions.
    """
    given = (config.html_baseurl or os.environ.get("BOOK_ADDRESS") or "").strip()
    if given:
        match = SITE.fullmatch(given)
        return "" if match is None else f"{match['site'].rstrip('/')}/"
    return "" if config.book_edition == "student" else pages_address(config.book_repository)


def set_links(app: Sphinx, config: Config) -> None:
    """Give the theme the repository's address and Sphinx the site's, where they are known."""
    root = Path(app.srcdir)
    known = config.book_repository or os.environ.get("BOOK_REPOSITORY") or git_remote(root)
    config.book_repository = web_address(known)
    config.html_baseurl = site_address(config)
    options = config.html_theme_options
    for name in ("repository_url", "repository_branch", "launch_buttons", "path_to_docs"):
        options.pop(name, None)
    if FORGE.fullmatch(config.book_repository):
        options["repository_url"] = config.book_repository
        options["repository_branch"] = BRANCH
        for name in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
            options[name] = True


def binder_address(config: Config, root: Path, notebook: str) -> str:
    """The address that opens a notebook on Binder, ``""`` while the book has none."""
    match = GITHUB.fullmatch(config.book_repository)
    if match is None or not (root / ".binder").is_dir():
        return ""
    slug = f"{match['owner']}/{match['name']}"
    return f"https://mybinder.org/v2/gh/{slug}/{BRANCH}?urlpath=lab/tree/{notebook}"


def colab_address(config: Config, notebook: str) -> str:
    """The address that opens a notebook in Colab, ``""`` while the book has none."""
    match = GITHUB.fullmatch(config.book_repository)
    if match is None:
        return ""
    slug = f"{match['owner']}/{match['name']}"
    return f"https://colab.research.google.com/github/{slug}/blob/{BRANCH}/{notebook}"


def setup(app: Sphinx) -> None:
    """Register the setting; it is resolved before the theme reads its options."""
    app.add_config_value("book_repository", "", "env", types=(str,))
    app.connect("config-inited", set_links, priority=400)
