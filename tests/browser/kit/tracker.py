"""The real tracker with its pages, and what a test needs to know of it."""

import json
import subprocess
import urllib.request
from pathlib import Path

from harness import Server, muster_bin
from harness.mmdb import city, mmdb_bytes

BENCH = Path(muster_bin()).parent / "muster-bench"

# Where the addresses that announce from loopback are said to be.
PLACES = {"127.1.0.0/16": city("DE", 52.52, 13.405), "127.2.0.0/16": city("AU", -33.87, 151.21),
          "127.3.0.0/16": city("BR", -23.55, -46.63), "127.4.0.0/16": city("US", 40.71, -74.0)}
ADAPTIVE = ("--min-interval", "60", "--max-interval", "3600", "--interval", "1800")


class Tracker:
    """A server with the operator's listener, a token and a small location database in `folder`."""

    def __init__(self, folder, *options):
        self.token_file = folder / "token"
        (folder / "places.mmdb").write_bytes(mmdb_bytes(PLACES))
        self.server = Server(*ADAPTIVE, "--admin-token-file", self.token_file, "--geoip-file",
                             folder / "places.mmdb", *options, admin=True)
        self.public = f"http://127.0.0.1:{self.server.port}"
        self.admin = f"http://127.0.0.1:{self.server.admin_port}"

    @property
    def token(self):
        return self.token_file.read_text(encoding="ascii").strip()

    def json(self, path):
        with urllib.request.urlopen(self.admin + path, timeout=20) as answer:
            return json.load(answer)

    def stop(self):
        self.server.stop()


def load(tracker, kind, *args):
    """muster-bench in the background: a Popen that ends by itself."""
    return subprocess.Popen([BENCH, "--quiet", "--warmup", "0", "-t", "2k", "-p", "20k", *args,
                             f"{kind}://127.0.0.1:{tracker.server.port}"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
