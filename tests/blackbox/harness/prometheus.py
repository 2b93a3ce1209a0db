"""Debian's Prometheus as a child process, reading one muster."""

import http.client
import json
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

from .check import PortLease, eventually

CONFIG = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: muster
    static_configs: [{{ targets: ["{target}"] }}]
"""


class Prometheus:
    """Scrapes `target` once a second, evaluates `rules`; keeps its data in a temporary folder."""

    def __init__(self, target, rules):
        self._folder = tempfile.TemporaryDirectory()
        self._lease = PortLease()
        folder = Path(self._folder.name)
        (folder / "prometheus.yml").write_text(CONFIG.format(target=target, rules=rules), "utf-8")
        self._log = open(folder / "log", "w+b")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self._lease.port}"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT)
        eventually(self._is_ready, "Prometheus answers")

    def _is_ready(self):
        assert self._process.poll() is None, f"Prometheus ended:\n{self.output()[-4000:]}"
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def output(self):
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self._lease.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask(self, path, **parameters):
        """The data that an API call answers."""
        status, body = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        assert status == 200, f"{parameters}: {answer}"
        return answer["data"]

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        result = self.ask("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def stop(self):
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
        self._lease.release()
        self._folder.cleanup()
