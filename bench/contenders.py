"""contenders.py - how each server of the comparison is started, and what it can do.

A contender is a row of CONTENDERS: which doors it has, and a function that prepares a folder and returns
the command. Every server is one process in the foreground on 127.0.0.1 or ::1.
"""

import dataclasses
import os
import shutil
import subprocess
import time
from pathlib import Path

START_S_MAX = 20
LOG_CHARS_MAX = 300  # of its end, for who wants to know why
TCP_LISTEN = "0A"


class NoStart(RuntimeError):
    """Why a contender does not serve."""


@dataclasses.dataclass
class Setting:
    """What a server is started for."""

    build: Path  # folder of the release build
    folder: Path  # scratch, readable by everybody
    port: int
    peers: int = 9  # per answer: size of the floors' and nginx's
    v6: bool = False
    close: bool = False
    torrents: int = 10000
    extra: tuple = ()  # options of muster
    program: Path = None  # another muster than that of the build


def flags(**wanted):
    return [f"-{name}" for name, on in wanted.items() if on]


def floor_udp(s):
    v6 = ["-6"] if s.v6 else []
    return [s.build / "bench/floor_udp", "-p", s.port, "-n", s.peers, *v6]


def floor_http(s):
    v6 = ["-6"] if s.v6 else []
    return [s.build / "bench/floor_http", "-p", s.port, "-n", s.peers, *flags(c=s.close), *v6]


def floor_http_merged(s):
    return [*floor_http(s), "-m"]


def muster(s, workers=1):
    # Defaults but for the number of workers: wildcards, and sockets of their own for 127.0.0.1 and ::1.
    plain = [s.program or s.build / "muster", "--port", s.port, "--workers", workers, "--log-level", "error"]
    return [*plain, *s.extra]


def muster_minimal(s):
    return [*muster(s), "--stats", "minimal"]


def muster_two(s):
    return muster(s, workers=2)


def opentracker(s, workers=None):
    """Debian's is built with a whitelist: it gets that of the load's torrents."""
    bench = [s.build / "muster-bench", "--hashes", "-t", str(s.torrents), "udp://127.0.0.1:1"]
    with open(s.folder / "whitelist", "wb") as out:
        subprocess.run(bench, stdout=out, check=True)
    lines = [
        f"listen.tcp_udp {'::1' if s.v6 else '127.0.0.1'}:{s.port}",
        "access.whitelist whitelist",
        f"tracker.rootdir {s.folder}",
        "tracker.user nobody",
    ]
    if workers:
        lines.insert(0, f"listen.udp.workers {workers}")
    (s.folder / "conf").write_text("\n".join(lines) + "\n")
    return ["opentracker", "-f", s.folder / "conf"]


def opentracker_workers(s):
    return opentracker(s, workers=1)


def nginx(s):
    """An answer of the same size as a tracker's, from a configuration."""
    records = "x" * 6 * s.peers
    body = (
        "d8:completei1e10:downloadedi1e11:external ip4:aaaa10:incompletei1e8:intervali1800e"
        f"12:min intervali900e5:peers{len(records)}:{records}e"
    )
    listen = f"{'[::1]' if s.v6 else '127.0.0.1'}:{s.port}"
    (s.folder / "conf").write_text(
        f"""daemon off; master_process off; worker_processes 1; pid {s.folder}/pid;
error_log stderr crit;
events {{ worker_connections 20000; multi_accept on; }}
http {{
    access_log off; server_tokens off; default_type text/plain; tcp_nodelay on;
    keepalive_requests 1000000000; keepalive_timeout {0 if s.close else 75};
    server {{
        listen {listen} deferred backlog=4096 reuseport;
        add_header Cache-Control no-store;
        location / {{ return 200 "{body}"; }}
    }}
}}
"""
    )
    return ["nginx", "-p", s.folder, "-c", s.folder / "conf"]


@dataclasses.dataclass
class Contender:
    command: object
    udp: bool
    is_tracker: bool = True  # keeps peers: is filled before it is measured
    version: tuple = ()
    note: str = ""
    v4: bool = False  # asked over IPv4 whatever the workload says
    reads_list: bool = False  # of torrents, after its sockets are bound


CONTENDERS = {
    "floor_udp": Contender(floor_udp, True, False, note="the same system calls, nothing else"),
    "floor_http": Contender(floor_http, False, False, note="the same system calls, nothing else"),
    "floor_http, merged": Contender(
        floor_http_merged, False, False, note="the answer and the connection's end in one segment"
    ),
    "muster": Contender(muster, True, note="defaults, one worker"),
    "muster, IPv4": Contender(muster, True, note="defaults, one worker, asked over IPv4", v4=True),
    "muster, stats minimal": Contender(muster_minimal, True, note="one worker, `--stats minimal`"),
    "muster, 2 workers": Contender(muster_two, True, note="defaults, two workers"),
    "opentracker": Contender(
        opentracker, True, note="Debian's package, default threads", reads_list=True
    ),
    "opentracker, udp.workers 1": Contender(
        opentracker_workers, True, note="Debian's package, `listen.udp.workers 1`", reads_list=True
    ),
    "nginx": Contender(nginx, False, False, note="`return 200` with a body of the same size"),
}


def version_of(package):
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    return found.stdout if found.returncode == 0 else "not installed"


def is_installed(name):
    program = {"nginx": "nginx", "opentracker": "opentracker"}.get(name.split(",")[0])
    return program is None or shutil.which(program) is not None


def bound(protocol, port):
    """Inodes of the sockets that wait at this port. From /proc, so that no packet is sent."""
    for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
        fields = line.split()
        is_waiting = protocol.startswith("udp") or fields[3] == TCP_LISTEN
        if is_waiting and fields[1].endswith(f":{port:04X}"):
            yield int(fields[9])


def is_taken(port):
    return any(inode for protocol in ("udp", "udp6", "tcp", "tcp6") for inode in bound(protocol, port))


def sockets_of(pid):
    """Inodes of the sockets a process has, None where that is not ours to see."""
    found = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(entry.path)
            except FileNotFoundError:
                continue  # closed meanwhile
            if target.startswith("socket:["):
                found.add(int(target[len("socket:[") : -1]))
    except PermissionError:
        return None
    except FileNotFoundError:
        pass  # ended
    return found


def has_port(pid, protocol, port):
    """Does this process, and not another program, wait at the port?"""
    inodes, own = set(bound(protocol, port)), sockets_of(pid)
    return bool(inodes if own is None else inodes & own)


def has_read_list(s):
    """Is the first peer of the load let in? It is announced: a fill does so, too."""
    ask = ["--quiet", "-t", str(s.torrents), "-p", "1", "-s", "1", "--deep", "0", "--no-fill"]
    ask += ["-W", "0", "-N", "1", "-d", "1s", "-T", "300ms"]
    url = f"udp://{'[::1]' if s.v6 else '127.0.0.1'}:{s.port}/announce"
    asked = subprocess.run([s.build / "muster-bench", *ask, url], capture_output=True, check=False)
    return asked.returncode == 0


def is_listening(contender, s, pid):
    protocol = ("udp" if contender.udp else "tcp") + ("6" if s.v6 else "")
    if not has_port(pid, protocol, s.port):
        return False
    return not contender.reads_list or has_read_list(s)


class Server:
    """A running contender, pinned to CPUs; use as a context. NoStart when it does not come up."""

    def __init__(self, name, setting, cpus):
        self.contender, self.setting = CONTENDERS[name], setting
        if is_taken(setting.port):
            raise NoStart(f"port {setting.port} is another program's")
        setting.folder.mkdir(parents=True, exist_ok=True)
        setting.folder.chmod(0o755)
        command = ["taskset", "-c", cpus, *map(str, self.contender.command(setting))]
        self.log = open(setting.folder / "log", "wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd="/"
        )

    def said(self):
        log = (self.setting.folder / "log").read_text(errors="replace").strip()
        return log[-LOG_CHARS_MAX:] or "it said nothing"

    def how_ended(self):
        """'' as long as it runs."""
        status = self.process.poll()
        return "" if status is None else f"status {status}: {self.said()}"

    def wait(self):
        end = time.monotonic() + START_S_MAX
        while not is_listening(self.contender, self.setting, self.pid):
            if ended := self.how_ended():
                raise NoStart(f"no start, {ended}")
            if time.monotonic() > end:
                raise NoStart(f"not at port {self.setting.port} within {START_S_MAX} s: {self.said()}")
            time.sleep(0.05)

    def __enter__(self):
        try:
            self.wait()
        except BaseException:
            self.__exit__()  # takes the log with it: it is read by now
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.setting.folder, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid  # taskset becomes the server
