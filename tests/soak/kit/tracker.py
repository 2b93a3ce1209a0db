"""The muster of a long run: everything on, configured by a file that it also saves into, and what can be
seen of its processes from outside."""

import json
import re
import subprocess
from pathlib import Path

from harness import COMPLETED, HttpClient, Owner, Server, run_muster, unused_port
from harness.mmdb import city, mmdb_bytes
from harness.stats import SAMPLE

DENIED_TORRENTS, DENIED_RANGES = 4000, 1000  # lines of the access lists
MARKED, MARKED_EACH = 20, 10  # torrents whose peers are known by name, and their peers
ENTRY = re.compile(rb"20:(.{20})d8:completei(\d+)e10:downloadedi(\d+)e(?:11:downloadersi\d+e)?"
                   rb"10:incompletei(\d+)ee", re.DOTALL)
END = re.compile(rb"e(5:flagsd20:min_request_intervali\d+ee)?e")
LOG_LINE = re.compile(r"^\S+ \S+ (error|warn) +(.*)$", re.M)
PLACES = {"127.0.0.0/8": city("DE", 52.5, 13.4), "::1/128": city("FR", 48.9, 2.4)}

CONFIGURATION = """\
# a muster that lives long
listen = 127.0.0.1:{port}, [::1]:{port}
user =
workers = 2
admin_listen = 127.0.0.1:{admin_port}
admin_socket = {folder}/admin.sock
admin_token_file = {folder}/token
interval = {interval_s}
min_interval = {interval_s}
max_interval = 10800
max_load_avg = 10000
completed_ttl = {interval_s}
full_scrape = yes
full_scrape_interval = 0
max_peers_per_response = 50
state_dir = {folder}/state
save_interval = {save_s}s
sandbox = on
deny_torrents = {folder}/torrents.deny
deny_ips = {folder}/addresses.deny
deny_clients = {folder}/clients.deny
deny_ports = 1-1023
geoip_file = {folder}/places.mmdb
"""


class Tracker:
    """A running one. `folder` holds its files; a peer lives for two times `interval_s`."""

    def __init__(self, folder, interval_s, save_s, prefix=()):
        self.folder = Path(folder)
        self.lease, self.admin_lease = unused_port(), unused_port()
        self.admin_path = str(self.folder / "admin.sock")
        self.denied = None  # the info hash that the list in force ends with
        self.prefix, self.pids = prefix, set()
        for name in ("torrents", "addresses", "clients"):
            (self.folder / f"{name}.deny").write_text("")
        (self.folder / "places.mmdb").write_bytes(mmdb_bytes(PLACES))
        self.config = self.folder / "muster.conf"
        self.config.write_text(CONFIGURATION.format(
            port=self.lease.port, admin_port=self.admin_lease.port, folder=self.folder,
            interval_s=interval_s, save_s=save_s))
        self.server, self.log_before = None, ""
        self.start()

    def start(self):
        self.server = Server("--config", self.config, exact=True, port_lease=self.lease,
                             prefix=self.prefix)

    def stop(self):
        """As a service manager does it; a bad end is an AssertionError."""
        self.server.stop()
        self.log_before += self.server.output()

    def kill(self):
        """Whatever is left of it, by number."""
        if self.server:
            self.server.kill()
        for pid in self.pids:
            if Path(f"/proc/{pid}/comm").exists() and "muster" in _read(f"/proc/{pid}/comm"):
                subprocess.run(["kill", "-9", str(pid)], check=False)
        self.admin_lease.release()

    # ---- ways in ----

    @property
    def port(self):
        return self.lease.port

    def set(self, save=False, **values):
        with HttpClient(self.admin_path, None) as client:
            Owner(client).set(save, **values)

    def option(self, name):
        with HttpClient(self.admin_path, None) as client:
            return Owner(client).value(name)

    def page(self, path):
        with HttpClient(self.admin_path, None) as client:
            response = client.get(path)
        assert response.status == 200, f"{path}: {response.status}"
        return response.body

    def command(self, *words):
        done = run_muster(*words, "--admin-socket", self.admin_path, timeout_s=120)
        assert done.returncode == 0, f"muster {' '.join(words)}: {done.stderr}"

    def stats(self):
        return json.loads(self.page("/stats.json"))

    def serving_pid(self):
        return self.stats()["pid"]

    def metrics(self):
        """{name with labels, without muster_: value}"""
        samples = map(SAMPLE.match, self.page("/metrics").decode().splitlines())
        return {match[1]: float(match[2]) for match in samples if match}

    def everything(self):
        """{info hash: (complete, downloaded, incomplete)} of the full scrape, which is sorted in runs
        only and thus not for a strict decoder."""
        with HttpClient("127.0.0.1", self.port) as client:
            body = client.get("/scrape").body
        assert body.startswith(b"d5:filesd"), body[:200]
        files, at = {}, len(b"d5:filesd")
        while match := ENTRY.match(body, at):
            assert match[1] not in files, "a torrent twice"
            files[match[1]] = tuple(int(n) for n in match.group(2, 3, 4))
            at = match.end()
        assert END.fullmatch(body, at), body[at:at + 100]
        return files

    # ---- peers that are known by name ----

    def mark(self, is_first=False):
        """Announce the known peers again, by turns over UDP and HTTP; at first they complete."""
        for n in range(MARKED):
            info_hash = _marked_hash(n)
            with self.server.udp() as udp, self.server.http() as http:
                for k in range(MARKED_EACH):
                    done = bool(k % 3 == 0)
                    event = COMPLETED if is_first and done else 0
                    name = "completed" if event else None
                    peer_id = b"-MK0001-%04d%08d" % (n, k)
                    if k % 2:
                        udp.announce(info_hash, peer_id, port=2000 + k, left=not done, event=event)
                    else:
                        http.announce(info_hash, peer_id, port=2000 + k, left=int(not done), event=name)

    @staticmethod
    def marked():
        """{hash: (complete, downloaded, incomplete)} as it must be."""
        seeders = len(range(0, MARKED_EACH, 3))
        return {_marked_hash(n): (seeders, seeders, MARKED_EACH - seeders) for n in range(MARKED)}

    # ---- what is seen from outside ----

    def processes(self):
        """Ids of the one that was started, and of its descendants."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, rest = path.read_text().split(" (", 1)
                state, parent = rest.rsplit(") ", 1)[1].split()[:2]
            except (OSError, ValueError):
                continue
            if state != "Z":
                parents[int(pid)] = int(parent)
        ours, found = {self.server.pid}, set()
        while ours != found:
            found = set(ours)
            ours |= {pid for pid, parent in parents.items() if parent in ours}
        self.pids |= ours
        return sorted(ours)

    def log_lines(self, level, pattern=""):
        """Of all its processes, also of those before a stop."""
        log = self.log_before + (self.server.output() if self.server.is_running() else "")
        return [text for found, text in LOG_LINE.findall(log)
                if found == level and re.search(pattern, text)]


def rss_of(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", _read(f"/proc/{pid}/status"))[1]) * 1024


def threads_of(pid):
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def fds_of(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _read(path):
    return Path(path).read_text()


def _marked_hash(n):
    return b"marked torrent %05d" % n
