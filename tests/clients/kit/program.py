"""Clients that are programs: started with files and options, stopped by a signal.

Each shares one torrent from `data_folder`, fetching what is missing. The announce URL in the
torrent is its only way to find anybody: DHT, peer exchange and local discovery are off.
"""

import json
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from harness.check import PortLease


class Program:
    name = None  # as the tests call it

    def __init__(self, folder, host, torrent, data_folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.host, self.torrent, self.data_folder = host, torrent, Path(data_folder)
        self.leases = [PortLease(), PortLease()]
        self.port, self.control_port = (lease.port for lease in self.leases)
        self.process = None

    def start(self):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"})

    def dials(self, _door):
        """Does it connect to the peer that a tracker names? If not, the peer must."""
        return True

    def leave(self):
        """Leave the swarm in order, with an announce of `stopped`, soon."""
        self.process.send_signal(signal.SIGINT)

    def end(self):
        """End the program, whatever it does."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for lease in self.leases:
            lease.release()

    def log(self):
        files = [self.folder / name for name in ("log", "debug")]
        return "\n".join(f.read_text("utf-8", "replace") for f in files if f.exists())

    def command(self):
        """Write the settings; return the command line."""
        raise NotImplementedError


class Transmission(Program):
    """3.00 takes loopback addresses from a tracker for martians; it answers those who call it."""

    name = "transmission"

    def dials(self, _door):
        return False

    def command(self):
        watched = self.folder / "watched"
        watched.mkdir()
        shutil.copy(self.torrent.path, watched)
        bind = "bind-address-ipv6" if ":" in self.host else "bind-address-ipv4"
        settings = {
            bind: self.host, "peer-port": self.port,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False, "utp-enabled": False,
            "port-forwarding-enabled": False, "rpc-port": self.control_port,
            "rpc-bind-address": "127.0.0.1",
            "download-dir": str(self.data_folder), "incomplete-dir-enabled": False,
            "watch-dir": str(watched), "watch-dir-enabled": True,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))
        return ["transmission-daemon", "--foreground", "--log-debug", "--config-dir",
                str(self.folder)]

    def leave(self):
        """Not by a signal: 3.00 then ends before it has announced over HTTP."""
        url = f"http://127.0.0.1:{self.control_port}/transmission/rpc"
        body = json.dumps({"method": "torrent-stop"}).encode()
        try:
            urllib.request.urlopen(url, body, timeout=10)
        except urllib.error.HTTPError as refusal:  # with the token to use
            token = refusal.headers["X-Transmission-Session-Id"]
        request = urllib.request.Request(url, body, {"X-Transmission-Session-Id": token})
        urllib.request.urlopen(request, timeout=10)


class Aria2(Program):
    """Speaks to UDP trackers only over IPv4, and only with its DHT on: the torrent's private flag
    keeps it from being used."""

    name = "aria2"

    def command(self):
        return ["aria2c", "--no-conf", f"--dir={self.data_folder}", f"--listen-port={self.port}",
                f"--dht-listen-port={self.port}", f"--dht-file-path={self.folder}/dht",
                "--enable-dht=true", "--enable-dht6=false", "--enable-peer-exchange=false",
                "--bt-enable-lpd=false", "--seed-ratio=0",
                f"--disable-ipv6={'false' if ':' in self.host else 'true'}",
                "--check-integrity=true", "--bt-hash-check-seed=true", "--file-allocation=none",
                f"--log={self.folder}/debug", "--log-level=debug", "--summary-interval=0",
                str(self.torrent.path)]


class Rtorrent(Program):
    """0.9.8 reads IPv6 peers from a UDP tracker as if they were IPv4."""

    name = "rtorrent"

    def dials(self, door):
        return not (door == "udp" and ":" in self.host)

    def command(self):
        (self.folder / "session").mkdir()
        settings = f"""
system.daemon.set = true
session.path.set = {self.folder}/session
directory.default.set = {self.data_folder}
{"" if ":" in self.host else "network.bind_address.set = " + self.host}
network.port_range.set = {self.port}-{self.port}
network.port_random.set = no
dht.mode.set = disable
protocol.pex.set = no
trackers.use_udp.set = yes
pieces.hash.on_completion.set = no
log.open_file = "debug", {self.folder}/debug
log.add_output = "tracker_debug", "debug"
log.add_output = "connection_debug", "debug"
schedule2 = load, 1, 0, ((load.start, {self.torrent.path}))
"""
        (self.folder / "rtorrent.rc").write_text(settings)
        return ["rtorrent", "-n", "-o", f"import={self.folder}/rtorrent.rc"]
