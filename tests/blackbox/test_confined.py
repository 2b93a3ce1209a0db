"""Where muster runs in less than a machine: a container with a CPU and a memory limit, a host without
IPv6. Each is made on this machine for one process: by a mount namespace of its own (root only), and by
a system call filter."""

import ctypes
import os
import struct
import subprocess
import sys

import pytest

from harness import new_hash

FAKE_GROUP = """
set -e
mount -t tmpfs none /sys/fs/cgroup
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir -p "$group" /sys/fs/cgroup/cpu /sys/fs/cgroup/memory
if [ "$1" = v2 ]; then
    echo '50000 100000' >"$group/cpu.max"
    echo 268435456 >"$group/memory.max"
else
    echo 50000 >/sys/fs/cgroup/cpu/cpu.cfs_quota_us
    echo 100000 >/sys/fs/cgroup/cpu/cpu.cfs_period_us
    echo 268435456 >/sys/fs/cgroup/memory/memory.limit_in_bytes
fi
shift
exec "$@"
"""


def may_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/sys/fs/cgroup"],
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount")
@pytest.mark.skipif(os.cpu_count() < 2, reason="needs two CPUs to take one away")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_containers_limits_are_seen(start_server, version):
    """Half a CPU and 256 MiB: one worker, and a store of three quarters of the memory."""
    server = start_server("--workers", 0, prefix=["unshare", "-m", "sh", "-c", FAKE_GROUP, "sh",
                                                  version])
    server.wait_output(r"1 CPUs of \d+ may be used, 1 workers, 256M of memory")
    server.wait_output(r"192M")
    assert server.udp().announce(new_hash()).counts == (0, 1)
    assert server.http().announce(new_hash()).counts == (0, 1)


def forbid_ipv6_and_run(command):
    """socket(AF_INET6, ...) fails as on a kernel without IPv6, here and in what is run."""
    load_word, jump_if_equal, answer = 0x20, 0x15, 0x06
    allow, refuse = 0x7fff0000, 0x00050000 | 97  # EAFNOSUPPORT
    socket_call = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
    program = b"".join(struct.pack("HBBI", *line) for line in [
        (load_word, 0, 0, 0), (jump_if_equal, 0, 3, socket_call),
        (load_word, 0, 0, 16), (jump_if_equal, 0, 1, 10),
        (answer, 0, 0, refuse), (answer, 0, 0, allow)])
    memory = ctypes.create_string_buffer(program, len(program))
    filter_of = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(memory))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(38, 1, 0, 0, 0) == 0, "no new privileges"
    assert prctl(22, 2, ctypes.c_char_p(filter_of), 0, 0) == 0, os.strerror(ctypes.get_errno())
    os.execv(command[0], command)


WITHOUT_IPV6 = [sys.executable, os.path.abspath(__file__)]


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="knows no such machine")
def test_a_host_without_ipv6_is_served_over_ipv4(start_server):
    server = start_server("--user", "", "--port", "{port}", "--admin-listen", "off",
                          "--admin-socket", "off", exact=True, prefix=WITHOUT_IPV6)
    server.wait_output("this machine has no IPv6 .*: serving IPv4 only")
    assert server.udp().announce(new_hash()).counts == (0, 1)
    assert server.http().announce(new_hash()).counts == (0, 1)


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="knows no such machine")
def test_an_ipv6_address_that_is_written_down_must_work(start_server):
    server = start_server("--user", "", "--listen", "[::1]:{port}", "--admin-listen", "off",
                          "--admin-socket", "off", exact=True, wait=False, prefix=WITHOUT_IPV6)
    assert server.process.wait(30) == 3
    server.expected_code = 3


if __name__ == "__main__":
    forbid_ipv6_and_run(sys.argv[1:])
