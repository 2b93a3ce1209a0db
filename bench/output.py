"""output.py - what is written of a run, and of which commit and machine it tells."""

import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

from contenders import version_of

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"  # committed: whole runs only, unless --out tells so
PARTIAL = ROOT / "build/bench"


def git(root, *args):
    """What it prints; nothing where there is no git, or no repository."""
    if not shutil.which("git"):
        return ""
    command = ["git", "-C", str(root), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def commit_name(root):
    """The commit, -dirty when a file of it was changed; not by results, which a run is there to change."""
    commit = git(root, "describe", "--always", "--abbrev=12")
    changed = git(root, "status", "--porcelain", "-uno", "--", ":/", ":(top,exclude)bench/results")
    return (commit or "unknown") + ("-dirty" if changed else "")


def machine():
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "commit": commit_name(ROOT),
        "cpu": cpu,
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "kernel": platform.release().split("-")[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "peers": {p: version_of(p) for p in ("opentracker", "nginx-light")},
    }


def write_files(folder, texts):
    """{name: text}: all are ready before the first replaces what was there, and none is ever half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f".{name}.new").write_text(text)
    for name in texts:
        (folder / f".{name}.new").replace(folder / name)
