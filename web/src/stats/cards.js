/* cards.js - the figures that matter first: large now, their limits and maxima below.
 *
 * A card is a row of CARDS: label, large value, lines under it, and, where the value has a
 * natural end, a bar. */
import { el, setHidden, setShare, setText } from "../base/dom.js";
import { bytes, duration, number, percent, rate, t } from "../base/i18n.js";
import { DOORS } from "../base/doors.js";

const shareOf = (part, whole) => (whole > 0 ? part / whole : 0);
const orNone = (value, show) => (value === null || value === undefined ? "–" : show(value));
const sumOf = (rows) => rows.reduce((sum, row) => sum + row.count, 0);

const CARDS = [
    {
        text: "stats.requests_per_s",
        value: (s) => rate(s.rates.total.now),
        lines: (s) => [t("stats.most", { value: rate(s.rates.total.max) }),
            t("stats.announces_per_s", { value: rate(s.rates.announces.now) })],
        doors: true,
    },
    {
        text: "stats.peers",
        value: (s) => number(s.peers),
        lines: (s) => [
            t("stats.n_seeders", { n: s.seeders }), t("stats.n_leechers", { n: s.leechers }),
            `IPv4 ${number(s.peers_by.ipv4)} · IPv6 ${number(s.peers_by.ipv6)}`,
        ],
        split: (s) => shareOf(s.seeders, s.peers),
    },
    {
        text: "stats.torrents",
        value: (s) => number(s.torrents.total),
        lines: (s) => [t("stats.largest", { n: s.torrents.peers_max }),
            t("stats.large_torrents", { n: s.torrents.large }),
            t("stats.completed_total", { n: s.torrents.completed_total })],
    },
    {
        text: "stats.interval",
        value: (s) => duration(s.interval.now_s),
        lines: (s) => [
            t("stats.wanted", { value: duration(s.interval.wanted_s) }),
            t("stats.between", { min: duration(s.interval.min_s), max: duration(s.interval.max_s) }),
        ],
        share: (s) => shareOf(s.interval.now_s - s.interval.min_s,
            s.interval.max_s - s.interval.min_s),
    },
    {
        text: "stats.load",
        value: (s) => number(s.load.average[0]),
        lines: (s) => [
            t("stats.load_5_15",
                { five: number(s.load.average[1]), fifteen: number(s.load.average[2]) }),
            t("stats.load_limit", { value: number(s.load.max) }),
        ],
        share: (s) => shareOf(s.load.average[0], s.load.max),
        isBad: (s) => s.load.average[0] > s.load.max,
    },
    {
        text: "stats.memory",
        value: (s) => bytes(s.memory.rss_bytes),
        lines: (s) => [
            t("stats.per_peer", { value: orNone(s.memory.bytes_per_peer, bytes) }),
            t("stats.store_of", {
                used: bytes(s.memory.store_bytes), most: bytes(s.memory.store_max_bytes),
            }),
        ],
        share: (s) => shareOf(s.memory.store_bytes, s.memory.store_max_bytes),
    },
    {
        text: "stats.connections",
        value: (s) => number(s.connections.open),
        lines: (s) => [t("stats.at_most", { n: s.connections.max }),
            t("stats.accepted", { n: s.connections.accepted })],
        share: (s) => shareOf(s.connections.open, s.connections.max),
    },
    {
        text: "stats.errors",
        value: (s) => number(sumOf(s.errors)),
        lines: (s) => [t("stats.errors_share",
            { share: percent(shareOf(sumOf(s.errors), sumOf(s.requests))) })],
    },
    {
        text: "stats.drops",
        value: (s) => number(s.drops.kernel),
        lines: (s) => [t(s.drops.kernel > 0 ? "stats.drops_bad" : "stats.drops_good")],
        isBad: (s) => s.drops.kernel > 0,
    },
];

class Card {
    constructor(row) {
        this.row = row;
        this.value = el("p", { class: "big" });
        this.lines = el("div", { class: "lines quiet small" });
        this.meter = el("div", { class: row.split ? "meter split" : "meter", "aria-hidden": "true" });
        this.doors = row.doors ? new DoorTable() : null;
        this.element = el("div", { class: `panel card${row.doors ? " wide" : ""}` },
            el("div", { class: "card-main" },
                el("h3", {}, t(row.text)), this.value,
                row.share || row.split ? this.meter : null, this.lines),
            this.doors?.element);
    }

    show(stats) {
        setText(this.value, this.row.value(stats));
        const lines = this.row.lines(stats);
        while (this.lines.children.length < lines.length) this.lines.append(el("p"));
        lines.forEach((line, i) => setText(this.lines.children[i], line));
        const share = this.row.share ?? this.row.split;
        if (share) setShare(this.meter, share(stats));
        this.element.classList.toggle("bad", this.row.isBad?.(stats) ?? false);
        this.doors?.show(stats);
    }
}

/* Now and most of each door and family, the bars against the busiest one's most. */
class DoorTable {
    constructor() {
        this.rows = DOORS.map((door) => {
            const row = { now: el("td"), most: el("td", { class: "quiet" }), bar: el("span") };
            row.bar.className = "door-bar";
            row.bar.style.setProperty("--color", `var(${door.color})`);
            row.element = el("tr", {}, el("th", { scope: "row" }, row.bar, door.name), row.now, row.most);
            return row;
        });
        this.element = el("table", { class: "doors" },
            el("thead", {}, el("tr", {}, el("td"), el("th", { scope: "col" }, t("stats.col_now")),
                el("th", { scope: "col" }, t("stats.col_most")))),
            el("tbody", {}, ...this.rows.map((row) => row.element)));
    }

    show(stats) {
        const busiest = Math.max(1, ...DOORS.map((door) => stats.rates[door.id].max));
        DOORS.forEach((door, i) => {
            const { now, max } = stats.rates[door.id];
            setText(this.rows[i].now, rate(now));
            setText(this.rows[i].most, rate(max));
            setShare(this.rows[i].bar, shareOf(now, busiest));
        });
    }
}

export class Cards {
    constructor(parent) {
        this.cards = CARDS.map((row) => new Card(row));
        parent.append(...this.cards.map((card) => card.element));
    }

    /* A card whose figures the tracker does not give is left out. */
    show(stats) {
        for (const card of this.cards) {
            try {
                card.show(stats);
                setHidden(card.element, false);
            } catch (error) {
                if (!(error instanceof TypeError)) throw error;
                setHidden(card.element, true);
            }
        }
    }
}
