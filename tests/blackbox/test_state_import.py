"""muster import: what other trackers held, for a muster that runs and for the next start."""

import os
import struct
import time
from ipaddress import ip_address

import pytest

from harness import Owner, everything, metrics_of, new_hash, new_peer_id, run_muster, stats_of


def trakx_backup(*torrents):
    """torrents: (info hash, [(peer id, is complete, address, port, age_s)])"""
    out = b""
    for info_hash, peers in torrents:
        out += info_hash + struct.pack("<I", len(peers))
        for peer_id, is_complete, address, port, age_s in peers:
            out += peer_id + bytes([is_complete]) + struct.pack("<i", len(address)) + address
            out += struct.pack("<Hq", port, int(time.time()) - age_s)
    return out


def import_into(folder, *args):
    """While no muster runs that has to do with the folder, whatever else runs on this machine."""
    return run_muster("import", *args, "--state-dir", folder, "--admin-socket",
                      folder / "nobody.sock")


@pytest.fixture
def backup(tmp_path):
    info_hash, peer_id = new_hash(), new_peer_id()
    path = tmp_path / "peers.db"
    path.write_bytes(trakx_backup(
        (info_hash, [(peer_id, True, bytes((127, 0, 0, 7)), 7001, 60),
                     (new_peer_id(), False, bytes(15) + b"\1", 7002, 60),
                     (new_peer_id(), False, bytes((127, 0, 0, 8)), 7003, 100000)]),
        (new_hash(), [(new_peer_id(), False, bytes((127, 0, 0, n)), 7000 + n, 5)
                      for n in range(1, 100)])))
    return path, info_hash, peer_id


def test_a_backup_of_trakx_before_the_start(start, folder, backup):
    path, info_hash, peer_id = backup
    folder.mkdir()
    ended = import_into(folder, "trakx", path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ("2 torrents read, with 102 peers and 0 downloads counted\n"
                            "the next start takes them in\n")
    server = start()
    assert stats_of(server)["peers"] == 101  # one was too old
    assert server.http().numbers(info_hash) == (1, 0, 1)
    # a known client: its id came along
    server.udp(source="127.0.0.7").announce(info_hash, peer_id, port=7001, left=0, event=3)
    assert server.http().numbers(info_hash) == (0, 0, 1)
    server.stop()
    assert "import" not in os.listdir(folder)
    assert stats_of(start())["peers"] == 100


def test_into_one_that_runs(start, folder, backup):
    path, info_hash, _ = backup
    server = start()
    other = new_hash()
    server.http().announce(other, port=1, left=0)
    ended = run_muster("import", "trakx", path, "--admin-socket", server.admin_path)
    assert ended.returncode == 0, ended.stderr
    assert "3 torrents and 102 peers saved" in ended.stdout
    assert set(everything(server)) >= {other, info_hash}
    assert not (folder / "import").exists()
    assert Owner(server.unix()).get("/api/state")[1]["imports"] == 1


def test_peers_that_no_door_lets_in_stay_out(start, tmp_path):
    """A mapped address is made IPv4 on the way, as the doors do."""
    path, info_hash = tmp_path / "peers.db", new_hash()
    path.write_bytes(trakx_backup((info_hash, [
        (new_peer_id(), False, ip_address(ip).packed, port, 5)
        for ip, port in (("10.0.0.1", 1), ("10.0.0.2", 0), ("224.0.0.1", 1), ("ff02::1", 1),
                         ("::ffff:10.0.0.3", 1))])))
    server = start()
    ended = run_muster("import", "trakx", path, "--admin-socket", server.admin_path)
    assert ended.returncode == 0, ended.stderr
    assert "3 impossible;" in server.output()
    assert metrics_of(server)["state_impossible_peers_total"] == 3
    assert sorted(server.http().announce(info_hash).peers) == [("10.0.0.1", 1), ("10.0.0.3", 1)]


@pytest.mark.parametrize("kind", ["scrape", "tpbs", "statedump"])
def test_completed_counts(start, folder, tmp_path, kind):
    info_hash = new_hash()
    text = {
        "scrape": b"d5:filesd20:%bd8:completei5e10:downloadedi41e10:incompletei3eeee" % info_hash,
        "tpbs": b"%b:5:3:41\n" % info_hash.hex().upper().encode(),
        "statedump": b"%b:29000000:41\n" % info_hash.hex().encode(),
    }[kind]
    path = tmp_path / "dump"
    path.write_bytes(text)
    folder.mkdir()
    ended = import_into(folder, kind, path)
    assert ended.returncode == 0, ended.stderr
    assert start().http().numbers(info_hash) == (0, 41, 0)


def test_what_muster_answers_is_understood(start, folder, tmp_path):
    info_hash = new_hash()
    server = start()
    client = server.http()
    client.announce(info_hash, b"x" * 20, port=1, left=1)
    client.announce(info_hash, b"x" * 20, port=1, left=0, event="completed")
    (tmp_path / "scrape").write_bytes(client.get("/scrape").body)
    (tmp_path / "tpbs").write_bytes(server.unix().get("/stats?mode=tpbs&format=txtp").body)
    server.stop()
    for kind in ("scrape", "tpbs"):
        for name in os.listdir(folder):
            os.unlink(folder / name)
        ended = import_into(folder, kind, tmp_path / kind)
        assert ended.returncode == 0, ended.stderr
        server = start()
        assert server.http().numbers(info_hash) == (0, 1, 0)
        server.stop()


def test_before_the_first_start(start, folder, backup):
    """Nobody has made the folder yet."""
    ended = import_into(folder, "trakx", backup[0], "--user", "")
    assert ended.returncode == 0, ended.stderr
    assert stats_of(start())["peers"] == 101


def test_one_that_waits_is_not_lost_to_another(start, folder, tmp_path, backup):
    (tmp_path / "tpbs").write_bytes(b"%b:5:3:41\n" % new_hash().hex().encode())
    assert import_into(folder, "trakx", backup[0], "--user", "").returncode == 0
    waiting = (folder / "import").read_bytes()
    ended = import_into(folder, "tpbs", tmp_path / "tpbs", "--user", "")
    assert ended.returncode == 1
    assert f"{folder}/import waits for a start already" in ended.stderr
    assert (folder / "import").read_bytes() == waiting
    assert stats_of(start())["peers"] == 101


def test_one_that_runs_without_a_folder(start_server, folder, backup):
    server = start_server(admin=True)
    ended = run_muster("import", "trakx", backup[0], "--admin-socket", server.admin_path,
                       "--state-dir", folder)
    assert ended.returncode == 1 and "the muster that runs has no state_dir" in ended.stderr
    assert not folder.exists()


def test_a_second_name_of_another_file_is_not_written_to(start, folder, tmp_path, backup):
    """Who serves may leave one for the command, which may be root's."""
    folder.mkdir()
    (tmp_path / "precious").write_text("precious")
    os.link(tmp_path / "precious", folder / "import.tmp")
    ended = import_into(folder, "trakx", backup[0])
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "precious").read_text() == "precious"
    assert stats_of(start())["peers"] == 101


def test_what_is_no_such_file_is_refused(folder, tmp_path):
    path = tmp_path / "file"
    folder.mkdir()
    path.write_bytes(b"<html>404</html>")
    for kind in ("trakx", "scrape", "tpbs", "statedump"):
        ended = import_into(folder, kind, path)
        assert ended.returncode == 1 and f"no {kind} file: byte 0 makes no sense" in ended.stderr
    assert os.listdir(folder) == []
    assert import_into(folder, "gif", path).returncode == 1
    assert import_into(folder, "scrape", "/nowhere").returncode == 1
    ended = import_into(folder, "scrape", tmp_path)
    assert ended.returncode == 1 and f"{tmp_path}: it is no regular file" in ended.stderr
    assert run_muster("import", "scrape", path, "--admin-socket",
                      tmp_path / "nobody.sock").returncode == 2
    assert import_into(folder, "scrape").returncode == 2
