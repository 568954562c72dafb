"""Prints the versions of all that is installed, as constraints for pip (`make lock`)."""

from __future__ import annotations

import re
import subprocess
import sys

HEADER = """\
# Versions of everything that is installed, so that a clone a year from now builds the same book.
# Written by `make lock`; what is installed directly is chosen in requirements.txt."""
# Accelerator builds of torch bring these; a machine without them must not be asked for them.
ONLY_ELSEWHERE = re.compile(r"(nvidia|cuda|triton)[-_]?", re.IGNORECASE)


def main() -> None:
    """Print one ``name==version`` a line, without local versions such as torch's ``+cpu``."""
    command = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(HEADER)
    for line in frozen.splitlines():
        name, _, version = line.partition("==")
        if version and not ONLY_ELSEWHERE.match(name):
            print(f"{name}=={version.partition('+')[0]}")


if __name__ == "__main__":
    main()
