"""addresses.py - what a UDP socket on a wildcard address costs beside one bound to the address asked.

`./dev bench addresses`. bench/micro_address.c measures the two system calls of a batch, for the kinds in
turn; here it runs alone on one CPU, and its figures become a table.
"""

import json
import subprocess

CPU = "1"


def markdown(found, about, command):
    lines = [
        "# A socket on a wildcard, and one on the address asked",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`",
        "",
        "Nanoseconds a datagram in `recvmmsg` and `sendmmsg`, the delivery to the client included: an "
        f"announce and its answer with 9 peers, {found['batch']} a call. Medians of {found['rounds']} "
        "rounds; all kinds take turns within each (`bench/micro_address.c`).",
        "",
        "| socket | receive | send | both | beside the wildcard |",
        "|---|---|---|---|---|",
    ]
    for kind in found["kinds"]:
        both = kind["receive_ns"] + kind["send_ns"]
        if "wildcard" in kind["name"]:
            wildcard = both
        lines.append(
            f"| {kind['name']} | {kind['receive_ns']} | {kind['send_ns']} | {both} | {both / wildcard:.2f} |"
        )
    return "\n".join(lines) + "\n"


def study(run, about):
    command = ["taskset", "-c", CPU, str(run.options.build / "bench/micro_address")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    run.say(done.stdout)
    return "addresses", found, markdown(found, about, run.options.command), {}
