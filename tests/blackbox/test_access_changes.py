"""Access lists come and go while others ask; what is wrong with one changes nothing."""

import os
import signal

import pytest

from harness import (UdpError, eventually, http_refusal, metrics_of, new_hash, new_peer_id, run_muster,
                     unused_port)


def loads(server):
    return len([line for line in server.output().splitlines() if "lists: in force" in line])


def test_a_changed_file_is_read(start_server, lists):
    torrent = new_hash()
    server = start_server("--deny-torrents", lists("deny.txt"))
    assert http_refusal(server, torrent) is None
    lists("deny.txt", torrent.hex() + " one")  # renamed over
    eventually(lambda: http_refusal(server, torrent) == "one", "renamed over")
    path = lists("deny.txt", torrent.hex() + " two")
    eventually(lambda: http_refusal(server, torrent) == "two", "renamed over again")
    path.write_text(torrent.hex() + " three\n")  # written to
    eventually(lambda: http_refusal(server, torrent) == "three", "written to")


def test_sighup_and_reload_read_again(start_server, lists, tmp_path):
    """Also where nothing tells of changes."""
    torrent = new_hash()
    server = start_server("--deny-torrents", lists("deny.txt", torrent.hex()), admin=True)
    for ask in (lambda: os.kill(server.pid, signal.SIGHUP),
                lambda: run_muster("reload", "--admin-socket", server.admin_path)):
        before = loads(server)
        ask()
        eventually(lambda b=before: loads(server) > b, "read again")
    assert http_refusal(server, torrent)


def test_a_broken_file_leaves_the_lists(start_server, lists):
    """It is told by line; the next good one is taken."""
    a, b = new_hash(), new_hash()
    server = start_server("--deny-torrents", lists("deny.txt", a.hex()), admin=True)
    lists("deny.txt", b.hex(), "garbage")
    server.wait_output(r"error lists: .*deny\.txt:2: .*; those before stay in force")
    assert http_refusal(server, a) and http_refusal(server, b) is None
    assert metrics_of(server)["access_load_failures_total"] == 1
    lists("deny.txt", b.hex())
    eventually(lambda: http_refusal(server, b), "the good one is in force")
    assert http_refusal(server, a) is None


def test_commands_tell_of_a_broken_file(start_server, lists):
    """Files are read beside the work, but whoever asked for it hears the end."""
    a, b = new_hash(), new_hash()
    path = lists("deny.txt", a.hex())
    server = start_server("--deny-torrents", path, admin=True)

    def command(*words):
        return run_muster(*words, "--admin-socket", server.admin_path)

    assert command("reload").returncode == 0
    lists("deny.txt", a.hex(), "garbage")
    ended = command("reload")
    assert ended.returncode == 1
    assert f"{path}:2: " in ended.stderr and "those before stay in force" in ended.stderr
    ended = command("set", f"deny_torrents={path.parent / 'missing'}")
    assert ended.returncode == 1 and "missing: No such file" in ended.stderr
    assert command("get", "deny_torrents").stdout.split()[2] == str(path)
    assert http_refusal(server, a)
    assert command("set", "numwant=10").returncode == 0  # that is not about lists
    assert command("set", f"deny_torrents={lists('good.txt', b.hex())}").returncode == 0
    assert http_refusal(server, b) and http_refusal(server, a) is None  # at once


def configured(start_server, tmp_path, text):
    """A server with a configuration file; returns it, the file and a way to tell it something."""
    config = tmp_path / "muster.conf"
    config.write_text(text)
    server = start_server("--config", config, admin=True)
    return server, config, lambda *words: run_muster(*words, "--admin-socket", server.admin_path)


def value_of(command, name):
    """What `muster get` says: the value, and where it comes from."""
    value, _, origin = command("get", name).stdout.partition("=")[2].rpartition(";")
    return value.strip(), origin.strip()


def test_a_refused_list_changes_nothing(start_server, tmp_path, lists):
    """Not what is in force, not what is told, not the file; and the next change works."""
    bad, other = tmp_path / "missing", new_hash()
    server, config, command = configured(start_server, tmp_path, "numwant = 30\n")
    before = config.read_text()
    ended = command("set", f"deny_ips={bad}", "numwant=10", "--save")
    assert ended.returncode == 1 and f"{bad}: No such file" in ended.stderr
    assert ended.stdout == ""
    assert config.read_text() == before
    assert value_of(command, "deny_ips") == ("", "default")
    assert value_of(command, "numwant")[0] == "30"
    assert command("set", "deny_ports", "1-1023").returncode == 0
    assert http_refusal(server, new_hash(), port=80)
    ended = command("set", f"deny_torrents={lists('t', other.hex())}", "--save")
    assert ended.returncode == 0, ended.stderr
    assert http_refusal(server, other)  # in force when it is answered
    ended = command("restart")
    assert ended.returncode == 0, ended.stderr
    assert http_refusal(server, other)


def test_a_reload_reads_the_lists_first(start_server, tmp_path, lists):
    """All of the file, or nothing of it."""
    bad, config_of = tmp_path / "missing", "numwant = {}\ndeny_ips = {}\n"
    server, config, command = configured(start_server, tmp_path, "numwant = 30\n")
    config.write_text(config_of.format(77, bad))
    ended = command("reload")
    assert ended.returncode == 1 and f"{bad}: No such file" in ended.stderr
    assert value_of(command, "numwant")[0] == "30" and value_of(command, "deny_ips")[0] == ""
    os.kill(server.pid, signal.SIGHUP)
    server.wait_output(rf"reload, asked for by a signal: lists: {bad}: .*; all stays as it is")
    assert value_of(command, "numwant")[0] == "30"
    config.write_text(config_of.format(77, lists("ips", "127.0.0.9 abuse")))
    assert command("reload").returncode == 0
    assert value_of(command, "numwant")[0] == "77"
    assert http_refusal(server, new_hash(), source="127.0.0.9") == "abuse"


def test_a_restart_reads_the_lists_first(start_server, tmp_path, lists):
    """A stop that is followed by a start that fails is the worst."""
    path = lists("ips", "127.0.0.9 abuse")
    server, config, command = configured(start_server, tmp_path, f"deny_ips = {path}\n")
    path.unlink()
    ended = command("restart")
    assert ended.returncode == 1 and f"{path}: No such file" in ended.stderr
    config.write_text(f"deny_ips = {tmp_path / 'missing'}\n")
    ended = command("restart")
    assert ended.returncode == 1 and "missing: No such file" in ended.stderr
    assert http_refusal(server, new_hash(), source="127.0.0.9") == "abuse"
    config.write_text("numwant = 30\n")
    assert command("restart").returncode == 0
    assert http_refusal(server, new_hash(), source="127.0.0.9") is None


def test_one_broken_list_stops_no_other(start_server, lists):
    """It stays as it was; the others are read, and options that are not about it can be set."""
    torrent, other = new_hash(), new_hash()
    server = start_server("--deny-ips", lists("ips", "127.0.0.9 abuse", "127.0.1.0/24 more"),
                          "--deny-torrents", lists("hashes", torrent.hex()), admin=True)
    lists("ips", "127.0.0.10 other", "garbage")
    server.wait_output(r"ips:2: .*; those before stay in force")
    lists("hashes", other.hex())
    eventually(lambda: http_refusal(server, other), "the good one is in force")
    assert http_refusal(server, torrent) is None

    def ips():
        return [http_refusal(server, new_hash(), source=f"127.0.{n}") for n in ("0.9", "0.10", "1.7")]

    assert ips() == ["abuse", None, "more"]
    ended = run_muster("set", "deny_ports=80", "--admin-socket", server.admin_path)
    assert ended.returncode == 0 and "warning: lists: " in ended.stderr and "ips:2" in ended.stderr
    assert http_refusal(server, new_hash(), port=80)
    assert ips() == ["abuse", None, "more"]
    lists("ips", "127.0.0.10 other")
    eventually(lambda: ips() == [None, "other", None], "mended")


def test_check_reads_the_lists(lists):
    def check(path):
        lease = unused_port()
        done = run_muster("check", "--port", str(lease.port), "--admin-socket", "off",
                          "--user", "", "--deny-ips", str(path))
        lease.release()
        return [line for line in done.stdout.splitlines() if "lists" in line], done

    good, _ = check(lists("ips", "127.0.0.9"))
    assert any(line.startswith("ok") for line in good), good
    bad, done = check(lists("ips", "127.0.0.9", "garbage"))
    assert "ips:2: no address" in done.stdout and done.returncode == 1, done.stdout


def test_links_that_lead_elsewhere_are_seen(start_server, tmp_path):
    """A folder of releases, a container's volume: nothing of the file itself changes."""
    torrents = [new_hash(), new_hash()]
    for n, torrent in enumerate(torrents):
        (tmp_path / f"v{n}").mkdir()
        (tmp_path / f"v{n}" / "deny").write_text(torrent.hex() + "\n")
    current, new = tmp_path / "current", tmp_path / "new"
    current.symlink_to("v0")
    server = start_server("--deny-torrents", current / "deny")
    assert http_refusal(server, torrents[0])
    new.symlink_to("v1")
    new.rename(current)
    eventually(lambda: http_refusal(server, torrents[1]), "the other folder's is in force")
    assert http_refusal(server, torrents[0]) is None


def test_large_lists_change_again_and_again(start_server, lists):
    """Older ones are freed as soon as nobody looks at them, not a minute later."""
    hashes = "\n".join(os.urandom(20).hex() for _ in range(20000))
    server = start_server("--deny-torrents", lists("hashes", hashes), admin=True)
    for _ in range(4):
        torrent = new_hash()
        lists("hashes", hashes, torrent.hex())
        assert run_muster("reload", "--admin-socket", server.admin_path).returncode == 0
        assert http_refusal(server, torrent)
    assert metrics_of(server)["access_bytes"] > 0
    eventually(lambda: metrics_of(server)["access_sets"] == 1, "the older ones are freed")


def test_a_file_that_goes_leaves_the_lists(start_server, lists):
    torrent = new_hash()
    path = lists("deny.txt", torrent.hex())
    server = start_server("--deny-torrents", path)
    path.unlink()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_output(r"deny\.txt: No such file or directory; those before stay")
    assert http_refusal(server, torrent)


def output_of_no_start(*options):
    lease = unused_port()
    done = run_muster("--listen", f"127.0.0.1:{lease.port}", "--user", "", "--admin-socket", "off",
                      "--admin-listen", "off", *options)
    lease.release()
    assert done.returncode == 7  # a service manager tries again
    return done.stdout + done.stderr


@pytest.mark.parametrize("lines, why", [
    (["zz"], "list.txt:1: no address"), (["", "1.2.3.4/33"], "list.txt:2: the length"),
    (["1.1.1.1 " + "x" * 2000], "list.txt:1: longer"), (["1.1.1.1 \0"], "list.txt:1: longer"),
])
def test_a_broken_file_is_no_start(lists, lines, why):
    """Serving without the list would be worse."""
    path = lists("list.txt", *lines)
    assert f"cannot start: lists: {path.parent}/{why}" in output_of_no_start("--deny-ips", path)


def test_no_regular_file_is_no_list(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert "no regular file" in output_of_no_start("--deny-ips", path)


def test_options_change_while_running(start_server, lists):
    """Set, and set to nothing."""
    torrent = new_hash()
    server = start_server(admin=True)

    def set_to(value):
        done = run_muster("set", f"deny_torrents={value}", "--admin-socket", server.admin_path)
        assert done.returncode == 0, done.stderr

    set_to(lists("deny.txt", torrent.hex()))
    eventually(lambda: http_refusal(server, torrent), "in force")
    set_to("")
    eventually(lambda: http_refusal(server, torrent) is None, "no more")
    server.wait_output("lists: none is in force")


def test_lists_change_under_requests(start_server, lists):
    """Again and again, and every request is answered."""
    a, b = new_hash(), new_hash()
    server = start_server("--deny-torrents", lists("deny.txt", a.hex()))
    peer, client = new_peer_id(), server.udp()

    def refused():
        return [isinstance(client.announce(t, peer), UdpError) for t in (a, b)]

    for turn in range(8):
        lists("deny.txt", (a if turn % 2 else b).hex())
        eventually(lambda t=turn: refused() == [t % 2 == 1, t % 2 == 0], "turned over")


@pytest.mark.slow
def test_long_lists(start_server, lists):
    """100 000 hashes and 40 000 ranges: read in seconds, under a sanitizer, too."""
    hashes = [os.urandom(20) for _ in range(100000)]
    server = start_server(
        "--allow-torrents", lists("allow.txt", *(h.hex() for h in hashes)),
        "--deny-ips", lists("ips.txt", *(f"n{i}:10.{i >> 7}.{2 * i & 255}.0-10.{i >> 7}.{2 * i & 255}.99"
                                         for i in range(20000)),
                            *(f"2001:db8:{i:x}::/48" for i in range(20000))))
    client = server.udp()
    for torrent in hashes[:50] + hashes[-50:]:
        assert not isinstance(client.announce(torrent), UdpError)
    assert client.announce(new_hash()).text == "torrent not allowed"
