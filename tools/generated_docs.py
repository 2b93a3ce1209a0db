"""generated_docs.py - the references that the program prints from its own tables.

    generated_docs.py write MUSTER FOLDER    write them
    generated_docs.py check MUSTER FOLDER    exit 1, with the difference, when one is stale
"""

import difflib
import subprocess
import sys
from pathlib import Path

# what `muster docs NAME` prints -> where it lies
DOCUMENTS = {
    "man": "muster.1",
    "options": "options.md",
    "metrics": "metrics.md",
    "sample": "muster.conf.sample",
}


def printed(muster, name):
    return subprocess.run(
        [muster, "docs", name], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout


def write(muster, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in DOCUMENTS.items():
        (folder / file).write_text(printed(muster, name), encoding="utf-8")
    return 0


def check(muster, folder):
    stale = 0
    for name, file in DOCUMENTS.items():
        path = folder / file
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        difference = list(
            difflib.unified_diff(
                kept.splitlines(), printed(muster, name).splitlines(), str(path), "printed now"
            )
        )
        if difference:
            stale += 1
            print("\n".join(difference))
    if stale:
        print(f"{stale} stale: run ./dev docs")
    return 1 if stale else 0


if __name__ == "__main__":
    verb, program, target = sys.argv[1:]
    sys.exit({"write": write, "check": check}[verb](program, Path(target)))
