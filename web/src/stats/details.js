/* details.js - every number there is, by name: etracker's, the six errno tables, all metrics.
 *
 * These names are those of other programs and of docs/generated/metrics.md; they are not
 * translated, so that what is found here can be searched for elsewhere. */
import { byId, el, setHidden, setText, syncRows } from "../base/dom.js";
import { dateTime, number, rate, t } from "../base/i18n.js";

const ERRNO = ["close", "send", "recv", "accept", "send_udp", "recv_udp"];

const valueText = (value) => (typeof value === "number" ? number(value) : String(value ?? ""));

/* { a: { b: 1 }, c: [1, 2] } as [["a.b", 1], ["c", "1 2"]]. */
function flat(object, start = "") {
    return Object.entries(object ?? {}).flatMap(([name, value]) => {
        if (Array.isArray(value)) return [[start + name, value.map(valueText).join("  ")]];
        if (value && typeof value === "object") return flat(value, `${start}${name}.`);
        return [[start + name, value]];
    });
}

/* All six, also those without an error. */
function errnoRows(errno) {
    return ERRNO.flatMap((where) => {
        const counts = Object.entries(errno[where] ?? {}).sort(([, a], [, b]) => b - a);
        if (counts.length === 0) return [[`${where}_errno`, 0]];
        return counts.map(([name, count]) => [`${where}_errno ${name}`, count]);
    });
}

function etrackerRows({ start_time, requests_per_second: _table, ...others }) {
    const start = start_time === undefined ? [] : [["start_time", dateTime(start_time)]];
    return [...start, ...flat(others)];
}

/* etracker's own table: a row for each family, now and most of each transport. */
const RATE_TABLE = {
    name: "requests_per_second",
    columns: ["TCP", "TCP_MAX", "UDP", "UDP_MAX"],
    rows: (s) => Object.entries(s.etracker.requests_per_second ?? {}).map(([family, rates]) =>
        [family, ...RATE_TABLE.columns.map((column) => rate(rates[column]))]),
};

const SECTIONS = [
    { text: "stats.errno", rows: (s) => errnoRows(s.errno), has: (s) => s.errno },
    { text: "stats.etracker", rows: (s) => etrackerRows(s.etracker), has: (s) => s.etracker,
        table: RATE_TABLE },
    { text: "stats.trakx", rows: ({ trakx, tracker }) => flat({ trakx, tracker }),
        has: (s) => s.trakx },
    { text: "stats.metrics", rows: (s) => flat(s.metrics), has: (s) => s.metrics },
];

class Section {
    constructor(row) {
        this.row = row;
        this.list = el("dl", { class: "pairs" });
        this.empty = el("p", { class: "quiet" });
        this.table = row.table ? new NamedTable(row.table) : null;
        this.element = el("section", { class: "panel", hidden: true }, el("h3", {}, t(row.text)),
            this.table?.element, this.list, this.empty);
    }

    /* How many rows match; a section without any hides while somebody searches. */
    show(stats, words) {
        const isThere = Boolean(this.row.has(stats));
        const all = isThere ? this.row.rows(stats) : [];
        const rows = all.filter(([name]) => matches(name, words));
        const count = rows.length + (isThere ? this.table?.show(stats, words) ?? 0 : 0);
        setHidden(this.element, !isThere || (words.length > 0 && count === 0));
        setHidden(this.list, rows.length === 0);
        setText(this.empty, count === 0 ? t("stats.none_yet") : "");
        this.sync(rows);
        return count;
    }

    sync(rows) {
        while (this.list.children.length > rows.length) this.list.lastChild.remove();
        while (this.list.children.length < rows.length) this.list.append(newPair());
        rows.forEach(([name, value], i) => {
            const [term, text] = this.list.children[i].children;
            setText(term, name);
            setText(text, valueText(value));
        });
    }
}

/* Figures of one name that have rows and columns; found by any of its words. */
class NamedTable {
    constructor(table) {
        this.table = table;
        this.body = el("tbody");
        this.element = el("div", { class: "scroll" }, el("table", { class: "named" },
            el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "code" }, table.name),
                ...table.columns.map((name) => el("th", { scope: "col" }, name)))), this.body));
    }

    /* How many rows are shown. */
    show(stats, words) {
        const all = this.table.rows(stats);
        const names = [this.table.name, ...this.table.columns, ...all.map(([row]) => row)];
        const rows = matches(names.join(" "), words) ? all : [];
        setHidden(this.element, rows.length === 0);
        syncRows(this.body, rows);
        return rows.length;
    }
}

const newPair = () => el("div", {}, el("dt", { class: "code" }), el("dd"));

const matches = (name, words) => words.every((word) => name.toLowerCase().includes(word));

export class Details {
    constructor(parent) {
        this.sections = SECTIONS.map((row) => new Section(row));
        this.search = byId("search");
        this.stats = null;
        parent.append(...this.sections.map((section) => section.element));
        this.search.addEventListener("input", () => this.stats && this.show(this.stats));
    }

    show(stats) {
        this.stats = stats;
        const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
        const found = this.sections.map((section) => section.show(stats, words))
            .reduce((sum, n) => sum + n, 0);
        setHidden(byId("nothing"), found > 0 || words.length === 0);
    }
}
