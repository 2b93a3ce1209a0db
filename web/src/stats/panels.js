/* panels.js - what an operator looks at second: one row of PANELS is one panel.
 *
 *   table   rows of cells for syncRows(); `columns` are the keys of its headings
 *   bars    a histogram: { labels, counts, note }
 * A panel whose part of the answer is missing (switched off, or not for this visitor) is hidden. */
import { el, setHidden, setShare, setText, syncRows } from "../base/dom.js";
import { bytes, duration, hasText, number, percent, shortTime, t } from "../base/i18n.js";
import { DOOR_NAMES, FAMILY_NAMES } from "../base/doors.js";
import { quantile, total } from "./histogram.js";

const BARS_MAX = 16;

const actionName = (action) => (hasText(`action.${action}`) ? t(`action.${action}`) : action);

/* "status_404" as HTTP 404; of a kind that the language does not know, the name that metrics have. */
function kindName(kind) {
    const key = `kind.${kind}`;
    if (hasText(key)) return t(key);
    return kind.replace(/^status_/, "HTTP ").replaceAll("_", " ");
}

const doorName = (door) => DOOR_NAMES[door] ?? door;
const most = (values) => Math.max(1, ...values);
const share = (n, largest) => ({ text: number(n), share: n / largest });

function requestRows(stats) {
    const largest = most(stats.requests.map((r) => r.count));
    return stats.requests.filter((r) => r.count > 0).sort((a, b) => b.count - a.count)
        .map((r) => [actionName(r.action), `${doorName(r.door)} ${FAMILY_NAMES[r.family] ?? r.family}`,
            share(r.count, largest)]);
}

function errorRows(stats) {
    const errors = stats.errors.filter((e) => e.count > 0).sort((a, b) => b.count - a.count);
    const largest = most(errors.map((e) => e.count));
    return errors.map((e) => [kindName(e.kind), doorName(e.door), share(e.count, largest)]);
}

function clientRows(stats) {
    const announces = stats.clients.reduce((n, c) => n + c.announces, 0);
    const largest = most(stats.clients.map((c) => c.announces));
    return stats.clients.map((c) => [
        c.code === "" || c.code === "other" ? t("stats.other_clients") : c.name || c.code,
        percent(announces > 0 ? c.announces / announces : 0), number(c.peers_added ?? 0),
        share(c.announces, largest),
    ]);
}

const swarmRows = (stats) => stats.top_swarms.map((s) => [
    { text: s.info_hash, code: true, title: s.info_hash },
    number(s.seeders), number(s.leechers), number(s.completed),
]);

function talkerRows(stats) {
    const largest = most(stats.top_talkers.map((talker) => talker.requests));
    return stats.top_talkers.map((talker) =>
        [{ text: talker.address, code: true }, share(talker.requests, largest)]);
}

const connectionRows = ({ connections: c }) => [
    [t("stats.connections_open"), number(c.open)],
    [t("stats.connections_accepted"), number(c.accepted)],
    [t("stats.connections_closed"), number(c.closed)],
    [t("stats.connections_timeouts"), number(c.timeouts)],
    [t("stats.connections_refused"), number(c.refused)],
    [t("stats.connections_evicted"), number(c.evicted)],
    [t("stats.connections_handed_over"), number(c.handed_over)],
];

const trafficRows = ({ bytes: b }) => [
    ["UDP", bytes(b.udp_received), bytes(b.udp_sent)],
    ["TCP", bytes(b.tcp_received), bytes(b.tcp_sent)],
];

const sweepRows = ({ sweep: s }) => [
    [t("stats.sweep_period"), duration(s.period_s)],
    [t("stats.sweep_time"), shortTime(s.us)],
    [t("stats.sweep_hold"), shortTime(s.hold_ns_max / 1000)],
    [t("stats.sweep_peers"), number(s.peers_removed)],
    [t("stats.sweep_torrents"), number(s.torrents_removed)],
];

const socketRows = (stats) => stats.drops.sockets.map((s) =>
    [{ text: s.address, code: true }, String(s.worker), number(s.drops)]);

/* The buckets that hold anything, and the empty ones between them; neighbours are put together when
 * there are many. */
function barsOf({ le, count }, show) {
    const used = count.flatMap((n, i) => (n > 0 ? [i] : []));
    const first = used[0] ?? 0;
    const last = used.at(-1) ?? Math.min(BARS_MAX, count.length) - 1;
    const width = Math.ceil((last - first + 1) / BARS_MAX);
    const labels = [];
    const counts = [];
    for (let from = first; from <= last; from += width) {
        const end = Math.min(from + width, count.length);
        labels.push(end > le.length ? `> ${show(le[from - 1] ?? 0)}` : `≤ ${show(le[end - 1])}`);
        counts.push(count.slice(from, end).reduce((sum, n) => sum + n, 0));
    }
    return { labels, counts };
}

function latencyBars(histogram) {
    const at = (part) => shortTime(quantile(histogram, part) ?? 0);
    return {
        ...barsOf(histogram, shortTime),
        note: total(histogram) > 0
            ? t("stats.quantiles", { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
            : t("stats.none_yet"),
    };
}

function reannounceBars(histogram) {
    const at = (part) => duration(quantile(histogram, part) ?? 0);
    return {
        ...barsOf(histogram, (n) => duration(n, "narrow")),
        note: total(histogram) > 0 ? t("stats.median", { value: at(0.5) }) : t("stats.none_yet"),
    };
}

const PANELS = [
    { text: "stats.requests", table: requestRows, has: (s) => s.requests,
        columns: ["stats.col_request", "stats.col_door", "stats.col_count"] },
    { text: "stats.errors", table: errorRows, has: (s) => s.errors,
        columns: ["stats.col_error", "stats.col_door", "stats.col_count"] },
    { text: "stats.clients", table: clientRows, has: (s) => s.clients,
        columns: ["stats.col_client", "stats.col_share", "stats.col_peers_added",
            "stats.col_announces"] },
    { text: "stats.latency_udp", bars: (s) => latencyBars(s.latency_us.udp),
        has: (s) => s.latency_us?.udp },
    { text: "stats.latency_http", bars: (s) => latencyBars(s.latency_us.http),
        has: (s) => s.latency_us?.http },
    { text: "stats.reannounce", bars: (s) => reannounceBars(s.reannounce_s),
        has: (s) => s.reannounce_s },
    { text: "stats.top_swarms", table: swarmRows, has: (s) => s.top_swarms, wide: true,
        columns: ["stats.col_swarm", "stats.col_seeders", "stats.col_leechers",
            "stats.col_completed"] },
    { text: "stats.top_talkers", table: talkerRows, has: (s) => s.top_talkers,
        columns: ["stats.col_address", "stats.col_requests"] },
    { text: "stats.connections", table: connectionRows, has: (s) => s.connections },
    { text: "stats.traffic", table: trafficRows, has: (s) => s.bytes,
        columns: ["stats.col_transport", "stats.col_received", "stats.col_sent"] },
    { text: "stats.sweep", table: sweepRows, has: (s) => s.sweep },
    { text: "stats.drops_by_socket", table: socketRows, has: (s) => s.drops?.sockets,
        columns: ["stats.col_address", "stats.col_worker", "stats.col_drops"] },
];

function headRow(columns) {
    return el("thead", {}, el("tr", {},
        ...columns.map((key) => el("th", { scope: "col" }, t(key)))));
}

class TablePanel {
    constructor(row) {
        this.row = row;
        this.body = el("tbody");
        this.empty = el("p", { class: "quiet" }, t("stats.none_yet"));
        this.table = el("table", {}, row.columns ? headRow(row.columns) : null, this.body);
        this.content = el("div", { class: "scroll" }, this.table, this.empty);
    }

    show(stats) {
        const rows = this.row.table(stats);
        setHidden(this.empty, rows.length > 0);
        setHidden(this.table, rows.length === 0);
        syncRows(this.body, rows);
    }
}

class BarsPanel {
    constructor(row) {
        this.row = row;
        this.note = el("p", { class: "quiet small" });
        this.plot = el("ol", { class: "bars" });
        this.content = el("div", {}, this.note, this.plot);
    }

    show(stats) {
        const { labels, counts, note } = this.row.bars(stats);
        const largest = most(counts);
        setText(this.note, note);
        while (this.plot.children.length > counts.length) this.plot.lastChild.remove();
        while (this.plot.children.length < counts.length) this.plot.append(newBar());
        counts.forEach((n, i) => {
            const [label, bar, count] = this.plot.children[i].children;
            setText(label, labels[i]);
            setShare(bar, n / largest);
            setText(count, number(n));
        });
    }
}

const newBar = () => el("li", {}, el("span", { class: "bar-label" }),
    el("span", { class: "bar-fill", "aria-hidden": "true" }), el("span", { class: "bar-count" }));

export class Panels {
    constructor(parent) {
        this.panels = PANELS.map((row) => {
            const panel = row.table ? new TablePanel(row) : new BarsPanel(row);
            panel.section = el("section", { class: row.wide ? "panel wide" : "panel", hidden: true },
                el("h2", {}, t(row.text)), panel.content);
            return panel;
        });
        parent.append(...this.panels.map((panel) => panel.section));
    }

    show(stats) {
        for (const panel of this.panels) {
            const isThere = Boolean(panel.row.has(stats));
            setHidden(panel.section, !isThere);
            if (isThere) panel.show(stats);
        }
    }
}
