"""libtorrent, the engine of qBittorrent and Deluge, inside the test process."""

from pathlib import Path

import libtorrent

from harness.check import PortLease

_CATEGORY = libtorrent.alert.category_t
ALERTS = (_CATEGORY.error_notification | _CATEGORY.status_notification
          | _CATEGORY.tracker_notification | _CATEGORY.connect_notification)


class Libtorrent:
    """As program.Program. Its defence against forged requests stays on: it announces to loopback
    only under a path that begins with /announce (protocol.md T55)."""

    name = "libtorrent"

    def __init__(self, folder, host, torrent, data_folder):
        Path(folder).mkdir()
        self.host, self.torrent, self.data_folder = host, torrent, data_folder
        self.lease = PortLease()
        self.session = self.handle = None
        self.alerts = []

    def start(self):
        address = f"[{self.host}]" if ":" in self.host else self.host
        no_plugins = 0  # peer exchange is one
        self.session = libtorrent.session({
            "listen_interfaces": f"{address}:{self.lease.port}",
            "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
            "allow_multiple_connections_per_ip": True,
            "alert_mask": ALERTS,
        }, no_plugins)
        self.handle = self.session.add_torrent({
            "ti": libtorrent.torrent_info(str(self.torrent.path)),
            "save_path": str(self.data_folder),
        })

    def dials(self, _door):
        return True

    def leave(self):
        self.session.remove_torrent(self.handle)

    def end(self):
        """The session's destructor waits until its last announce was answered."""
        self._collect()
        self.session = self.handle = None
        self.lease.release()

    def _collect(self):
        fresh = self.session.pop_alerts() if self.session else []
        self.alerts += [f"{type(a).__name__}: {a.message()}" for a in fresh]

    def log(self):
        self._collect()
        return "\n".join(self.alerts)
