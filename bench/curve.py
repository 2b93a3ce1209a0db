"""curve.py - cost and bytes against the number of peers, 10^4 to 10^8; `./dev bench curve`.

In process: bench/micro_store fills the store (two peers a torrent) and announces again, in batches as a
worker does, without sockets. The last step takes 4 GB and some minutes.
"""

import json
import subprocess

import charts


def study(run, about):
    out = run.folder / "curve.json"
    subprocess.run(
        [str(run.options.build / "bench/micro_store"), "--curve", "--json", str(out)], check=True
    )
    rows = json.loads(out.read_text())
    cost = charts.lines(
        "Store: CPU per announce against peers stored, ns",
        [r["peers"] for r in rows],
        [("known peer", [r["refresh_ns"] for r in rows]), ("new peer", [r["fill_ns"] for r in rows])],
    )
    weight = charts.lines(
        "Store: memory against peers stored, bytes per peer (half as many torrents)",
        [r["peers"] for r in rows],
        [
            ("after a sweep", [r["mb"] * 1e6 / r["peers"] for r in rows]),
            ("right after filling", [r["peak_mb"] * 1e6 / r["peers"] for r in rows]),
        ],
    )
    pictures = {"curve-cost": cost, "curve-bytes": weight}
    return "curve", rows, markdown(rows, about, run.options.command, pictures), pictures


def markdown(rows, about, command, pictures):
    lines = [
        "# Ten thousand to a hundred million peers",
        "",
        f"Commit {about['commit']}, {about['date']}; {about['cpu']}, Linux {about['kernel']}. `{command}`",
        "",
        "The store alone, in process, IPv4, half as many torrents as peers. A hold is the longest time that "
        "the sweep kept a shard's lock: while all peers live, and while all of them expire.",
        "",
        "| peers | torrents | MB filled | MB swept | bytes/peer | new peer ns | known peer ns | sweep ms "
        "| hold µs | hold, all expire µs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        lines.append(
            f"| {r['peers']} | {r['torrents']} | {r['peak_mb']:.1f} | {r['mb']:.1f} "
            f"| {r['mb'] * 1e6 / r['peers']:.1f} | {r['fill_ns']:.0f} | {r['refresh_ns']:.0f} "
            f"| {r['sweep_ms']:.0f} | {r['hold_us']:.0f} | {r['expiry_hold_us']:.0f} |"
        )
    lines += [""] + [f"![{name}]({name}.svg)\n" for name in pictures]
    return "\n".join(lines).rstrip() + "\n"
