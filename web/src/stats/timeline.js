/* timeline.js - what the charts draw: the tracker's own history and, after it, what was just seen.
 *
 * Idea      the tracker keeps 24 hours in steps of ten seconds. This page adds a point per answer of
 *           /stats.json, kept for the shortest range, so that its end moves every second; older
 *           than that, the tracker's steps are drawn.
 * Gaps      a point without values stands where nothing was known (the tracker was down, the page
 *           was hidden), so that no line crosses it. */
import { askJson } from "../base/net.js";
import { quantile, since } from "./histogram.js";

export const SERIES = ["udp4", "udp6", "http4", "http6", "announces", "errors", "drops", "peers",
    "seeders", "torrents", "interval_s", "load1", "rss_bytes", "connections", "latency_udp_p99_us"];

const LIVE_S = 660;
const KEEP_S = 86400;
const GAP_STEPS = 3;

/* The point of a chart that two answers, one after the other, make. */
export function pointOf(stats, before) {
    const passed_s = stats.now_unix_s - before.now_unix_s;
    const isSameRun = before.start_unix_s === stats.start_unix_s && passed_s > 0;
    const perSecond = (count) =>
        (isSameRun ? Math.max(0, (count(stats) - count(before)) / passed_s) : null);
    const latency = stats.latency_us?.udp;
    const earlier = isSameRun ? before.latency_us?.udp : null;
    return {
        t: stats.now_unix_s,
        udp4: stats.rates?.udp4?.now, udp6: stats.rates?.udp6?.now,
        http4: stats.rates?.http4?.now, http6: stats.rates?.http6?.now,
        announces: stats.rates?.announces?.now,
        errors: perSecond((s) => (s.errors ?? []).reduce((n, e) => n + e.count, 0)),
        drops: perSecond((s) => s.drops?.kernel ?? 0),
        peers: stats.peers, seeders: stats.seeders, torrents: stats.torrents?.total,
        interval_s: stats.interval?.now_s, load1: stats.load?.average?.[0],
        rss_bytes: stats.memory?.rss_bytes, connections: stats.connections?.open,
        latency_udp_p99_us: latency && earlier ? quantile(since(latency, earlier), 0.99) : null,
    };
}

/* The answer of /api/history.json as points. */
export function pointsOf(history) {
    const first = history.end_unix_s - (history.count - 1) * history.step_s;
    return Array.from({ length: history.count }, (_, i) => {
        const point = { t: first + i * history.step_s };
        for (const name of SERIES) point[name] = history.series?.[name]?.[i] ?? null;
        return point;
    });
}

const withoutOld = (points, oldest) => {
    const from = points.findIndex((p) => p.t >= oldest);
    return from < 0 ? [] : points.slice(from);
};

export class Timeline {
    constructor() {
        this.step_s = 10;
        this.steps = [];
        this.live = [];
    }

    async fetchHistory() {
        const last = this.steps.at(-1)?.t;
        const query = last ? `?since=${Math.floor(last)}` : "";
        const history = await askJson(`/api/history.json${query}`);
        this.step_s = history.step_s ?? this.step_s;
        const fresh = pointsOf(history).filter((p) => !last || p.t > last);
        this.steps = withoutOld([...this.steps, ...fresh], (fresh.at(-1)?.t ?? 0) - KEEP_S);
    }

    add(point) {
        if (this.live.length > 0 && point.t <= this.live.at(-1).t) return;
        this.live = withoutOld([...this.live, point], point.t - LIVE_S);
    }

    /* The points of the last `range_s` seconds as uPlot wants them: times, then a list for each of
     * `names`. */
    columns(names, range_s) {
        const now = this.live.at(-1)?.t ?? this.steps.at(-1)?.t ?? 0;
        const isShort = range_s <= LIVE_S;
        const firstLive = isShort && this.live.length > 0 ? this.live[0].t : Infinity;
        const steps = this.steps.filter((p) => p.t >= now - range_s && p.t < firstLive);
        const tail = isShort ? this.live : this.live.slice(-1);
        return asColumns([...steps, ...tail], names, this.step_s * GAP_STEPS);
    }
}

function asColumns(points, names, gap_s) {
    const columns = [[], ...names.map(() => [])];
    let before = null;
    for (const point of points) {
        if (before !== null && point.t <= before) continue;
        if (before !== null && point.t - before > gap_s) push(columns, names, { t: before + 1 });
        push(columns, names, point);
        before = point.t;
    }
    return columns;
}

function push(columns, names, point) {
    columns[0].push(point.t);
    names.forEach((name, i) => columns[i + 1].push(point[name] ?? null));
}
