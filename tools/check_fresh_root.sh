#!/usr/bin/env bash
# check_fresh_root.sh - sees the two commands of the README work on a Debian 12 on which nothing was
# ever installed: the base system by debootstrap, the committed checkout, nothing else.
#
#   tools/check_fresh_root.sh [run] [test]        as root; both when none is named
#
#   run    ./dev run is started; announce and scrape through its UDP and HTTP doors over IPv4 and
#          IPv6; a SIGTERM must end it with status 0; then ./dev build again, without network
#   test   .ci/run, as continuous integration calls it
#
# By hand, not part of ./dev test: it needs root, debootstrap, 3 GB in $TMPDIR (a root of your own
# in FRESH_ROOT is taken as it is) and 5 to 20 minutes. It runs in its own mount and process
# namespaces, so nothing of it stays behind; the network is the machine's, and port 6969 must be
# free.
set -euo pipefail

say() {
    printf '\n#### %s\n' "$*"
}

die() {
    printf 'check_fresh_root: %s\n' "$*" >&2
    exit 1
}

checkout=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
[ "$(id -u)" = 0 ] || die 'needs root'
if [ "${1:-}" != --inside ]; then
    [ $# -gt 0 ] || set -- run test
    exec unshare --mount --pid --fork --kill-child "$0" --inside "$@"
fi
shift

# The mirror this machine itself takes bookworm from.
mirror() {
    # shellcheck disable=SC2016  # apt expands these
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' |
        awk '$1 ~ /^(bookworm|stable)$/ && $2 == "main" && !seen++ { print $3 }'
}

make_root() {
    chmod 755 "$root" # mktemp's 700 would lock every user but root out of "/"
    [ ! -x "$root/bin/bash" ] || return 0
    command -v debootstrap >/dev/null || die 'needs debootstrap'
    local from
    from=$(mirror)
    debootstrap --variant=minbase bookworm "$root" ${from:+"$from"} \
        >"$root.log" 2>&1 || die "debootstrap failed, see $root.log"
}

mount_root() {
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    cp -L /etc/hosts "$root/etc/hosts"
    [ -z "${NODE_EXTRA_CA_CERTS:-}" ] ||
        cp -L "$NODE_EXTRA_CA_CERTS" "$root/etc/npm-certificates.pem"
    rm -rf "$root/muster"
    mkdir "$root/muster"
    git -C "$checkout" archive HEAD | tar -x -C "$root/muster"
}

# fresh COMMAND...: in the root, with an empty environment but for the way to the network: a proxy,
# and the certificates that npm trusts here.
fresh() {
    exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+http_proxy="$http_proxy"} \
        ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/npm-certificates.pem} "$@" </dev/null
}

# A client announces and scrapes through each door; the tests' own harness speaks for it.
visit() {
    PYTHONPATH=$checkout/tests/blackbox /usr/bin/python3 -B - <<'PYTHON'
from harness import HttpClient, UdpClient, new_hash

for host in "127.0.0.1", "::1":
    for kind in UdpClient, HttpClient:
        with kind(host, 6969) as client:
            info_hash = new_hash()
            assert client.announce(info_hash, left=0).counts == (1, 0)
            assert client.numbers(info_hash) == (1, 0, 0)
            print(f"{kind.__name__} {host}: announce and scrape answered")
PYTHON
}

check_run() {
    local log=$root.run.log pid status=0 waited=0
    say './dev run'
    : >"$log"
    (fresh /muster/dev run) >"$log" 2>&1 &
    pid=$!
    until grep -q ' ready: ' "$log"; do
        kill -0 $pid 2>/dev/null || { cat "$log"; die './dev run ended'; }
        [ $((waited += 1)) -lt 900 ] || { cat "$log"; die './dev run is not ready in 15 minutes'; }
        sleep 1
    done
    echo "ready after $waited s"
    grep -q 'udp://.*:6969/announce *http://.*:6969/announce' "$log" || die 'no announce URLs'
    grep -q 'Ctrl-C' "$log" || die 'does not say how to stop'
    visit || die 'does not answer as it should'
    kill -TERM $pid
    wait $pid || status=$?
    sed -n '/== muster runs/,$p' "$log"
    [ $status = 0 ] || die "ended with status $status"
    say 'the second time, without network'
    (time (fresh /usr/bin/unshare --net /muster/dev build)) 2>&1
}

check_test() {
    say '.ci/run'
    local log=$root.test.log status=0
    (time (fresh /bin/bash /muster/.ci/run)) >"$log" 2>&1 || status=$?
    sed -n '/^== result/,$p' "$log"
    grep -qE '^[0-9]+ passed, 0 failed' "$log" || die ".ci/run: status $status, see $log"
    [ $status = 0 ] || die "status $status, see $log"
}

root=${FRESH_ROOT:-$(mktemp -d "${TMPDIR:-/tmp}/muster-fresh.XXXXXX")}
clean_up() {
    umount --recursive --lazy "$root/dev" "$root/proc" "$root/tmp" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
[ -n "${FRESH_ROOT:-}" ] || trap clean_up EXIT
say "a fresh root in $root"
make_root
mount_root
for part in "$@"; do
    case $part in
    run) check_run ;;
    test) check_test ;;
    *) die "no part '$part'" ;;
    esac
done
say 'seen working'
