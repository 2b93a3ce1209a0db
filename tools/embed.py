"""embed.py - the files of a folder as C: what the binary serves without any file beside it.

    embed.py FOLDER OUTPUT.c DEPFILE

Each file comes as it is and, where that saves something, gzip-compressed. No folder, no files: the
output is a table without rows. The same files always make the same bytes.
"""

import gzip
import hashlib
import sys
from pathlib import Path

LINE_BYTES = 32
GZIP_MAX_PART = 0.9  # of the size; else it is not worth a second copy

HEAD = """/* Made by tools/embed.py. */
#include "admin/files.h"

const struct embedded_file EMBEDDED_FILES[] = {
"""
ROW = """    {{.path = "{path}", .etag = "{etag}",
     .body = {{.len = {length}, .ptr = (const uint8_t *){body}}},
     .gzip = {{.len = {gzip_length}, .ptr = (const uint8_t *){gzip_body}}}}},
"""
TAIL = """    {{.path = ""}}, /* C knows no empty table */
}};
const size_t EMBEDDED_FILE_COUNT = {count};
"""


def literal(data):
    """Bytes as string literals; three octal digits end where they should."""
    lines = [data[i : i + LINE_BYTES] for i in range(0, len(data), LINE_BYTES)] or [b""]
    return "\n        ".join('"' + "".join(f"\\{b:03o}" for b in line) + '"' for line in lines)


def row(folder, path):
    name = path.relative_to(folder).as_posix()
    if any(c in name for c in '"\\?'):
        sys.exit(f"embed.py: {name}: a name that C would need to quote")
    data = path.read_bytes()
    packed = gzip.compress(data, 9, mtime=0)
    if len(packed) > GZIP_MAX_PART * len(data):
        packed = b""
    return ROW.format(
        path=name,
        etag=hashlib.sha256(data).hexdigest()[:16],
        length=len(data),
        body=literal(data),
        gzip_length=len(packed),
        gzip_body=literal(packed),
    )


def is_hidden(folder, path):
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def files_of(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and not is_hidden(folder, p))


def watched(folder):
    """What a change of makes the output old: files and folders, or where the folder would be."""
    if not folder.is_dir():
        while not folder.is_dir():
            folder = folder.parent
        return [folder]
    return [folder, *sorted(folder.rglob("*"))]


def main(folder, output, depfile):
    files = files_of(folder) if folder.is_dir() else []
    text = HEAD + "".join(row(folder, f) for f in files) + TAIL.format(count=len(files))
    if not output.is_file() or output.read_text() != text:
        output.write_text(text)
    escaped = " ".join(str(p).replace(" ", "\\ ") for p in watched(folder))
    depfile.write_text(f"{output}: {escaped}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
