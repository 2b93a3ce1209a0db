"""check_layers.py - refuses an include that points up, and circles of includes.

    check_layers.py [SOURCE_FOLDER]        default: src beside this script's folder

A folder under src/ is a level; LEVELS says what each may include, a whole folder or single headers
of it. Tests, benchmarks and tools stand above all levels and are not looked at.
"""

import re
import sys
from pathlib import Path

LEVELS = {
    "base": ["base"],
    "proto": ["base", "proto"],
    "swarm": ["base", "swarm", "proto/types.h"],
    "tracker": ["base", "proto", "swarm", "tracker"],
    "net": ["base", "net", "proto/types.h", "proto/address_text.h"],
    "front": ["base", "proto", "swarm", "tracker", "net", "front"],
    "admin": ["base", "proto", "swarm", "tracker", "net", "front", "admin"],
    "app": ["base", "proto", "swarm", "tracker", "net", "front", "admin", "app"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
SUFFIXES = {".c", ".h", ".def"}


def includes_of(root):
    """{file: [what it includes]}, paths relative to root."""
    files = sorted(p for p in root.rglob("*") if p.suffix in SUFFIXES)
    return {str(p.relative_to(root)): INCLUDE.findall(p.read_text()) for p in files}


def upward(graph):
    """One line for each include that its level does not allow."""
    for name, targets in graph.items():
        level = name.split("/")[0]
        if level not in LEVELS:
            yield f"{name}: '{level}' is not a level; add it to LEVELS or move the file"
            continue
        for target in targets:
            if target.split("/")[0] not in LEVELS:
                yield f'{name}: include "{target}" by its path from src/'
            elif target not in LEVELS[level] and target.split("/")[0] not in LEVELS[level]:
                yield f'{name}: level {level} must not include "{target}"'


def circles(graph):
    """One line for each circle, found by walking depth first."""
    done, path = set(), []

    def walk(name):
        if name in path:
            yield "circle: " + " -> ".join(path[path.index(name) :] + [name])
        if name in done or name in path:
            return
        path.append(name)
        for target in graph.get(name, []):
            yield from walk(target)
        path.pop()
        done.add(name)

    for name in graph:
        yield from walk(name)


def check(root):
    graph = includes_of(root)
    if not graph:
        return [f"{root}: no source files"]
    return [*upward(graph), *circles(graph)]


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "src"
    complaints = check(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    print("\n".join(complaints or ["layers: ok"]))
    sys.exit(1 if complaints else 0)
