"""muster-bench against trackers that lie, stall, lose and die: it notices, and says so."""

import json
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import muster_bin, unused_port
from harness.liar import Announce, Liar, with_head

BENCH = Path(muster_bin()).parent / "muster-bench"
WORLD = ["-t", "5", "-p", "60", "-z", "1", "-s", "8", "--seeders", "30", "--deep", "1", "-H", "5"]
SHORT = ["--quiet", "--sleep", "-W", "0", "-d", "150ms", "-w", "16", "-c", "4", "--json", "-"]
RIGHT, WRONG, USAGE, LOSS = 0, 1, 2, 3
DOORS = ["udp", "http"]

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason="built without -Dbench")


def bench(*args, **how):
    return subprocess.run([str(BENCH), *args], capture_output=True, text=True, timeout=60,
                          check=False, **how)


@pytest.fixture
def against():
    """against(door, *args, lie=, text=, packet=) -> (exit code, report, what was said)."""
    liars = []

    def run(door, *args, **lies):
        liars.append(Liar(**lies))
        done = bench(*SHORT, *WORLD, *args, f"{door}://127.0.0.1:{liars[-1].port}")
        assert done.stdout.startswith("{"), done.stderr
        return done.returncode, json.loads(done.stdout), done.stderr

    yield run
    for each in liars:
        each.stop()


def record(host, port):
    return socket.inet_aton(host) + port.to_bytes(2, "big")


# --- lies about announces, over both doors ---

def in_announces(change):
    def lie(answer):
        if isinstance(answer, Announce):
            change(answer)
    return lie


def no_peers(answer):
    answer.peers = []


def one_peer_often(answer):
    answer.peers = answer.peers[:1] * 20


def unspecified(answer):
    answer.peers[-1] = record("0.0.0.0", 6881)


def made_up(answer):
    answer.peers[-1] = record("10.1.2.3", 6881)


def made_up_port(answer):
    answer.peers[-1] = answer.peers[-1][:4] + (60000).to_bytes(2, "big")


def no_port(answer):
    answer.peers[-1] = answer.peers[-1][:4] + b"\0\0"


def the_asker(answer):
    answer.peers.append(answer.asker)


def nobody_there(answer):
    answer.seeders = answer.leechers = 0


def exchanged(answer):
    answer.seeders, answer.leechers = answer.leechers, answer.seeders


def too_large(answer):
    answer.seeders = 0xFFFFFFFF


LIES = [(no_peers, "too_few"), (one_peer_often, "twice"), (unspecified, "foreign"), (made_up, "foreign"),
        (made_up_port, "foreign"), (no_port, "port"), (the_asker, "self"), (nobody_there, "counts"),
        (exchanged, "counts"), (too_large, "counts")]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mix", ["announce=1", "scrape=1", "announce=8,scrape=1,started=1"])
def test_the_truth_is_right(against, door, mix):
    code, found, said = against(door, "--mix", mix)
    assert code == RIGHT and found["wrong"] == 0 and found["answered"] == found["due"] > 0, said


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("change, kind", LIES)
def test_lies_are_told_for_what_they_are(against, door, change, kind):
    code, found, _ = against(door, lie=in_announces(change))
    assert code == WRONG and kind in found["wrong_by_kind"], found


@pytest.mark.parametrize("door", DOORS)
def test_peers_of_another_torrent_are_foreign(against, door):
    seen = {}

    def lie(answer):
        seen[answer.torrent] = answer.asker
        others = [asker for torrent, asker in seen.items() if torrent != answer.torrent]
        answer.peers[-1:] = others[:1]

    code, found, said = against(door, lie=in_announces(lie))
    assert code == WRONG and set(found["wrong_by_kind"]) <= {"foreign", "twice"}
    assert "foreign" in found["wrong_by_kind"] and "--seed" in said


@pytest.mark.parametrize("door", DOORS)
def test_without_a_fill_the_number_of_peers_is_not_known(against, door):
    code, found, _ = against(door, "--no-fill", lie=in_announces(no_peers))
    assert code == RIGHT and found["wrong"] == 0
    code, found, _ = against(door, "--no-fill", lie=in_announces(lambda a: a.peers.append(
        record("10.1.2.3", 6881))))
    assert code == WRONG and found["wrong_by_kind"].keys() == {"foreign"}


# --- over UDP ---

def elsewhere(_, packet):
    return [(packet, True)]


def id_never_sent(_, packet):
    return [(packet[:4] + bytes([packet[4] ^ 0x12, packet[5] ^ 0x34]) + packet[6:], False)]


def second_tells_an_id_never_sent(answer, packet):
    return [(packet, False), *(id_never_sent(answer, packet) if answer.nth % 10 == 0 else [])]


def too_short_for_an_id(_, packet):
    return [(packet[:7], False), (packet, False)]


@pytest.mark.parametrize("packet, kind", [
    (elsewhere, "source"), (id_never_sent, "transaction"),
    (second_tells_an_id_never_sent, "transaction"), (too_short_for_an_id, "length")])
def test_packets_that_no_client_would_take(against, packet, kind):
    code, found, _ = against("udp", "--timeout", "300ms", packet=packet)
    assert code == WRONG and found["wrong_by_kind"].keys() == {kind}, found
    assert found["strays"] == 0


@pytest.mark.parametrize("noise", [id_never_sent, lambda *_: [(b"end", False)]])
def test_strangers_who_mean_somebody_else_are_nobodys_fault(against, noise):
    """A port of the kernel's choice was somebody else's a moment ago."""
    def packet(answer, right):
        return [*((bytes_, True) for bytes_, _ in noise(answer, right)), (right, False)]

    code, found, _ = against("udp", packet=packet)
    assert code == RIGHT and found["wrong"] == 0 and found["strays"] > 0, found


def test_an_answer_that_comes_twice_is_no_wrong_id(against):
    code, found, _ = against("udp", packet=lambda _, packet: [(packet, False)] * 2)
    assert code == RIGHT and found["strays"] > 0 and found["wrong"] == 0


def as_large_as_can_be(answer):
    answer.files = [(torrent, 0xFFFFFFFF, 0xFFFFFFFF) for torrent, *_ in answer.files]


def nothing_known(answer):
    answer.files = [(torrent, 0, 0) for torrent, *_ in answer.files]


def backwards(answer):
    answer.files = [(torrent, *numbers) for (torrent, *_), (_, *numbers)
                    in zip(answer.files, reversed(answer.files))]


@pytest.mark.parametrize("lie", [as_large_as_can_be, nothing_known, backwards])
@pytest.mark.parametrize("door", DOORS)
def test_scrapes_with_other_numbers(against, door, lie):
    code, found, _ = against(door, "--mix", "scrape=1", lie=lie)
    assert code == WRONG and found["wrong_by_kind"].keys() == {"counts"}, found


# --- over HTTP ---

def instead(body):
    return lambda answer, text: with_head(answer, body)


def replaced(old, new):
    def text(answer, body):
        assert body.count(old) == 1
        return with_head(answer, body.replace(old, new))
    return text


def claimed_to_be_gzip(_, body):
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def in_chunks(_, body):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("text, kind", [
    (replaced(b"8:intervali1800e", b"8:intervali0001800e"), "bencode"),
    (replaced(b"8:intervali1800e", b"8:intervali1800e8:intervali1800e"), "order"),
    (replaced(b"8:interval", b"8:antitank"), "order"),
    (instead(b"d5:peers0:8:intervali1800ee"), "order"),
    (claimed_to_be_gzip, "encoding"),
    (in_chunks, "encoding")])
def test_texts_that_a_strict_reader_refuses(against, text, kind):
    code, found, _ = against("http", text=text)
    assert code == WRONG and kind in found["wrong_by_kind"], found


@pytest.mark.parametrize("body, kind", [
    (b"d5:filesdee", "hashes"), (b"d5:filesd1:xi1eee", "hashes"),
    (b"d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:incompletei1eeee", "hashes")])
def test_scrapes_of_other_torrents(against, body, kind):
    code, found, _ = against("http", "--mix", "scrape=1", text=instead(body))
    assert code == WRONG and found["wrong_by_kind"].keys() == {kind}, found


# --- loss ---

def every_tenth_is_lost(answer, packet):
    return [] if answer.nth % 10 == 0 else [(packet, False)]


def test_loss_has_an_exit_status_of_its_own(against):
    args = ["--rate", "500", "-d", "600ms", "--timeout", "200ms"]
    code, found, said = against("udp", *args, packet=every_tenth_is_lost)
    assert code == LOSS and found["wrong"] == 0 and "--loss-max" in said
    assert found["due"] == found["sent"] == found["answered"] + found["lost"] == 300
    assert found["loss_percent"] == pytest.approx(10, abs=0.5)
    assert found["latency_max_us"] >= 200_000 and "latency_max_us" in found["at_least"]
    assert "latency_p50_us" not in found["at_least"]
    code, _, said = against("udp", *args, "--loss-max", "12.5", packet=every_tenth_is_lost)
    assert code == RIGHT, said


def test_a_late_answer_counts_with_its_latency(start_server):
    """Nothing is lost for good, so no figure is a bound, although all who waited were given up."""
    server = start_server()
    process = open_loop("udp", server.port, "--timeout", "100ms", "-d", "3s")
    stopped_s = stop_for(server.process, 1, 1.0)
    code, found = ended(process)
    assert code == LOSS and found["late"] == found["lost"] > RATE // 2 and found["at_least"] == [], found
    assert found["latency_p99_us"] >= 0.9e6 * stopped_s


def test_descriptors_that_run_out_are_told(start_server):
    server = start_server()
    done = bench(*SHORT, *WORLD, "--no-fill", "-c", "200", "--rate", "2000", "-d", "300ms",
                 f"http://127.0.0.1:{server.port}",
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))
    found = json.loads(done.stdout)
    assert done.returncode == LOSS
    assert found["send_failures_by_errno"]["EMFILE"] == found["send_failures"] > 0
    assert "EMFILE" in done.stderr and os.strerror(24) in done.stderr


@pytest.mark.parametrize("door", DOORS)
def test_a_server_that_dies_is_told(start_server, door):
    server = start_server()
    process = open_loop(door, server.port, "--pid", str(server.process.pid), "--timeout", "300ms",
                        "-d", "1500ms")
    time.sleep(0.7)
    server.process.kill()
    server.expected_code = -signal.SIGKILL
    code, found, said = ended(process, with_text=True)
    assert code == LOSS or (door == "http" and "closed" in found["wrong_by_kind"])
    assert found["loss_percent"] > 1 and found["gone_pid"] == server.process.pid
    assert f"process {server.process.pid} " in said


# --- stalls, in open loop ---

RATE = 200  # what comes in a second fits a socket of the kernel's usual size


def open_loop(door, port, *args):
    command = [str(BENCH), "--quiet", "--sleep", "--no-fill", "-W", "0", "-c", "8", "--rate", str(RATE),
               "--json", "-", *args, f"{door}://127.0.0.1:{port}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process, with_text=False):
    out, err = process.communicate(timeout=60)
    assert out.startswith("{"), err
    found = process.returncode, json.loads(out)
    return (*found, err) if with_text else found


def stop_for(process, after_s, seconds):
    """Stop the server for some time; returns for how long it was stopped at least."""
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    time.sleep(seconds)
    stopped_s = time.monotonic() - begun
    os.kill(process.pid, signal.SIGCONT)
    return stopped_s


@pytest.mark.parametrize("door", DOORS)
def test_a_stall_is_seen_by_all_who_waited(start_server, door):
    """Of 600 requests, those of the stop's time wait for its end: the 6 that waited longest were due
    within its first few hundredths of a second."""
    server = start_server()
    process = open_loop(door, server.port, "-d", "3s", "--timeout", "10s")
    stopped_s = stop_for(server.process, 0.8, 1.0)
    code, found = ended(process)
    assert found["due"] == found["answered"] == 3 * RATE and code == RIGHT, found
    assert found["latency_p99_us"] >= 0.9e6 * stopped_s
    assert found["latency_p90_us"] >= 0.6e6 * stopped_s
    assert found["at_least"] == []


@pytest.mark.parametrize("door", DOORS)
def test_a_stall_that_does_not_end_is_seen_by_all_who_wait(start_server, door):
    server = start_server()
    process = open_loop(door, server.port, "-d", "3s")
    time.sleep(1.5)
    os.kill(server.process.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    code, found, said = ended(process, with_text=True)
    waited_s = time.monotonic() - stopped
    os.kill(server.process.pid, signal.SIGCONT)
    assert code == LOSS and found["due"] == 3 * RATE
    assert found["due"] == found["sent"] + found["never_sent"]
    assert found["sent"] == found["answered"] + found["lost"]
    # who was due right after the stop waited until a timeout after the end, less the tool's own ending
    assert found["latency_p99_us"] >= 0.5e6 * waited_s
    assert found["latency_max_us"] >= 1.4e6
    assert {"latency_p99_us", "latency_p999_us", "latency_max_us"} <= set(found["at_least"])
    assert ", at least" in said


# --- signals ---

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("args", [["--hashes", "-t", "4000M"], ["-z", "1", "-t", "10", "-p", "1000M"]])
def test_it_can_be_ended_before_it_measures(number, args):
    process = subprocess.Popen([str(BENCH), *args, "udp://127.0.0.1:1"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(20) == -number


def test_an_interrupted_run_reports(start_server):
    server = start_server()
    process = open_loop("udp", server.port, "-d", "50s")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    code, found = ended(process)
    assert code == RIGHT and found["answered"] == found["due"] > 0


def test_a_second_signal_ends_the_wait(start_server):
    server = start_server()
    process = open_loop("udp", server.port, "-d", "50s", "--timeout", "60s")
    time.sleep(1)
    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    code, found = ended(process)
    os.kill(server.process.pid, signal.SIGCONT)
    assert code == LOSS and found["lost"] > 0


# --- what it says ---

URL = "udp://127.0.0.1:9"


@pytest.mark.parametrize("args, words", [
    (["-d", "5x", URL], ["10ms to 1d"]),
    (["--mix", "foo=1", URL], ["announce", "bad_id"]),
    (["--pid", "999999999", URL], ["999999999"]),
    (["-g", "255", "-s", "65536", "-p", "100k", URL], ["127.0.0.0/8"]),
    (["-s", "10", "-o", "65536", "-g", "255", URL], ["--first-source"]),
    (["--json", "/nonexistent/report", URL], ["/nonexistent/report", os.strerror(2)]),
    (["--loss-max", "101", URL], ["0 to 100"])])
def test_mistakes_are_told_before_the_run(args, words):
    done = bench("--quiet", *args)
    assert done.returncode == USAGE and not done.stdout
    assert all(word in done.stderr for word in words), done.stderr


def test_who_does_not_answer_is_named():
    lease = unused_port()
    url = f"udp://127.0.0.1:{lease.port}"
    done = bench("--quiet", "--timeout", "50ms", url)
    lease.release()
    assert done.returncode == WRONG and url in done.stderr and os.strerror(111) in done.stderr


def test_a_fill_does_not_wait_for_the_dead(start_server):
    server = start_server()
    command = [str(BENCH), "--quiet", "--sleep", "--deep", "0", "-p", "50M", "-w", "16", "--timeout", "100ms",
               f"udp://127.0.0.1:{server.port}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    server.process.kill()
    server.expected_code = -signal.SIGKILL
    out, err = process.communicate(timeout=30)
    assert process.returncode == WRONG and not out
    assert f"udp://127.0.0.1:{server.port} answers no more" in err


def test_an_http_tracker_that_is_not_there_is_named():
    lease = unused_port()
    url = f"http://127.0.0.1:{lease.port}"
    done = bench("--quiet", "--sleep", "--no-fill", "-W", "0", "-d", "50ms", url)
    lease.release()
    assert done.returncode == WRONG and f"{url} answered nothing" in done.stderr
    assert os.strerror(111) in done.stderr and "ECONNREFUSED" in done.stdout


@pytest.mark.parametrize("door", DOORS)
def test_a_tracker_without_udp_gets_a_hint(start_server, door):
    server = start_server("--no-udp")
    url = f"{door}://127.0.0.1:{server.port}"
    done = bench("--quiet", "--timeout", "50ms", url)
    assert done.returncode == WRONG and url in done.stderr and "--no-fill" in done.stderr


def test_an_earlier_report_stays_until_there_is_another(tmp_path):
    report = tmp_path / "report"
    report.write_text("earlier")
    assert bench("--quiet", "--timeout", "20ms", "--json", str(report), URL).returncode == WRONG
    assert report.read_text() == "earlier"


def test_the_help_tells_what_is_not_known():
    text = bench("--help").stdout
    assert "--loss-max" in text and "at least" in text and "not known" in text
