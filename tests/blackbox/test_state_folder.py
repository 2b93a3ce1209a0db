"""The state folder: whose it may be, who may share it, what may lie in it."""

import contextlib
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from harness import eventually, let_others_in, muster_bin, new_hash, run_muster
from harness.server import clean_env
from harness.snapshot import read_snapshot


def test_two_cannot_share_a_folder(start, folder):
    start()
    second = subprocess.run([muster_bin(), "--state-dir", str(folder), "--user", "", "--port",
                             "21001", "--listen", "127.0.0.1", "--admin-listen", "off",
                             "--admin-socket", "off"], env=clean_env(), capture_output=True,
                            timeout=20, check=False)
    assert second.returncode == 1
    assert b"another muster uses it" in second.stdout


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    ended = subprocess.run([muster_bin(), "--state-dir", str(tmp_path / "file"), "--user", "",
                            "--port", "21001", "--listen", "127.0.0.1", "--admin-listen", "off",
                            "--admin-socket", "off"], env=clean_env(), capture_output=True,
                           timeout=20, check=False)
    assert ended.returncode == 1
    assert b"state_dir" in ended.stdout


def of_nobody(folder):
    os.chown(folder, 65534, 65534)


def open_to_all(folder):
    folder.chmod(0o777)


@pytest.mark.parametrize("expose", [
    open_to_all, pytest.param(of_nobody, marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"))])
def test_a_folder_of_strangers_is_not_used(folder, expose):
    """Who may put files there would choose peers, and the key of connection ids."""
    folder.mkdir()
    expose(folder)
    ended = run_muster("--state-dir", folder, "--user", "", "--port", "21001", "--listen", "127.0.0.1",
                       "--admin-listen", "off", "--admin-socket", "off")
    assert ended.returncode == 1 and "must belong to who serves or to root" in ended.stdout
    assert not os.listdir(folder)


SWAPPER = """
import os, sys
home, victim, user = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.setgid(user)
os.setuid(user)
os.mkdir(f"{home}/ready")
while True:
    try:
        os.rename(f"{home}/state", f"{home}/was")
        os.symlink(victim, f"{home}/state")
    except OSError:
        pass
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_gives_away_no_folder_but_the_one_it_made(tmp_path):
    """The user served before and owns the folder around: he waits to put a link in place of the new one."""
    nobody = pwd.getpwnam("nobody").pw_uid
    let_others_in(tmp_path)
    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir()
    victim.mkdir()
    os.chown(home, nobody, -1)
    swapper = subprocess.Popen([sys.executable, "-c", SWAPPER, str(home), str(victim), str(nobody)])
    try:
        eventually((home / "ready").exists, "he waits")
        for _ in range(100):
            ended = run_muster("--state-dir", home / "state", "--user", "nobody", "--port", "21001",
                               "--listen", "127.0.0.1", "--admin-listen", "off", "--admin-socket",
                               tmp_path / "missing" / "socket")
            assert victim.stat().st_uid == 0, ended.stdout
            for left in home.iterdir():
                with contextlib.suppress(OSError):  # he was faster
                    (Path.unlink if left.is_symlink() else Path.rmdir)(left)
    finally:
        swapper.kill()
        swapper.wait()


def test_pipes_in_the_folder_hold_nothing_up(start, folder):
    folder.mkdir(0o700)
    for name in ("snapshot", "snapshot.old", "snapshot.tmp", "keys", "keys.tmp", "import"):
        os.mkfifo(folder / name)
    server = start()
    info_hash = new_hash()
    server.udp().announce(info_hash)
    server.stop()
    assert info_hash in read_snapshot(folder / "snapshot").torrents
