/* charts.js - the history, drawn by uPlot; one row of CHARTS is one chart.
 *
 * Each chart is a figure: its legend is text with the values under the pointer, or the newest
 * ones, so that nobody depends on telling colours apart, and the drawing itself has a label that
 * says the same. All share one cursor and one range of time. */
import uPlot from "uplot";
import { el, setText } from "../base/dom.js";
import { bytes, clock, clockShort, compact, duration, number, rate, shortTime, t } from "../base/i18n.js";
import { themeColor } from "../base/theme.js";
import { DOORS } from "../base/doors.js";

const whole = (n) => number(Math.round(n));
const perSecond = (n) => rate(n);
const interval = (n) => duration(n, "narrow");

const STEPS_S = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];

const CHARTS = [
    { text: "stats.chart_requests", show: perSecond, axis: compact,
        lines: DOORS.map(({ id, name, color }) => ({ id, name, color })) },
    { text: "stats.chart_peers", show: whole, axis: compact,
        lines: [{ id: "peers", text: "stats.peers", color: "--leech", fill: true },
            { id: "seeders", text: "stats.seeders", color: "--seed", fill: true },
            { id: "torrents", text: "stats.torrents", color: "--accent" }] },
    { text: "stats.chart_latency", show: shortTime, axis: shortTime,
        lines: [{ id: "latency_udp_p99_us", text: "stats.latency_udp_p99", color: "--udp4", fill: true }] },
    { text: "stats.chart_interval", show: interval, axis: interval, steps: STEPS_S,
        lines: [{ id: "interval_s", text: "stats.interval", color: "--udp6", fill: true },
            { id: "load1", text: "stats.load1", color: "--http4", scale: "load", show: number }] },
    { text: "stats.chart_memory", show: bytes, axis: bytes,
        lines: [{ id: "rss_bytes", text: "stats.memory", color: "--seed", fill: true },
            { id: "connections", text: "stats.connections", color: "--http6", scale: "count",
                show: whole }] },
    { text: "stats.chart_trouble", show: perSecond, axis: compact,
        lines: [{ id: "errors", text: "stats.errors", color: "--http4" },
            { id: "drops", text: "stats.drops", color: "--http6" }] },
];

const HEIGHT_PX = 190;
const SYNC = "stats";

/* Room for the widest label of an axis, as uPlot asks in steps. */
function axisSize(self, labels, _axis, cycle) {
    if (!labels || cycle > 1) return self.axes[_axis]._size ?? 40;
    const longest = labels.reduce((n, text) => Math.max(n, (text ?? "").length), 0);
    return Math.max(34, 14 + longest * 7);
}

const fromZero = (_self, _min, max) => [0, max > 0 ? max * 1.08 : 1];

class Chart {
    constructor(row) {
        this.row = row;
        this.names = row.lines.map((line) => line.id);
        this.values = row.lines.map(() => el("span", { class: "value" }));
        this.when = el("span", { class: "when quiet small" });
        this.canvas = el("div", { class: "plot", role: "img" });
        this.figure = el("figure", { class: "panel chart" },
            el("figcaption", {}, el("h3", {}, t(row.text)), this.when), this.legend(), this.canvas);
        this.data = [[], ...this.names.map(() => [])];
        this.range_s = 600;
    }

    legend() {
        return el("ul", { class: "legend" }, ...this.row.lines.map((line, i) => {
            const swatch = el("span", { class: "swatch" });
            swatch.style.setProperty("--color", `var(${line.color})`);
            return el("li", {}, swatch, this.nameOf(line), " ", this.values[i]);
        }));
    }

    nameOf(line) {
        return line.name ?? t(line.text);
    }

    /* Colours and labels are fixed in a plot: a new theme makes a new one. */
    draw() {
        this.plot?.destroy();
        this.plot = new uPlot(this.options(), this.data, this.canvas);
        this.plot.root.setAttribute("aria-hidden", "true");
    }

    options() {
        return {
            width: Math.max(120, this.canvas.clientWidth),
            height: HEIGHT_PX,
            legend: { show: false },
            padding: [8, this.secondScale() ? 0 : 10, 0, 0],
            cursor: { sync: { key: SYNC, scales: ["x", null] }, drag: { x: false, y: false },
                points: { size: 7 } },
            scales: {
                x: { time: true, range: () => this.times() },
                y: { range: fromZero },
                ...(this.secondScale() ? { [this.secondScale()]: { range: fromZero } } : {}),
            },
            axes: this.axes(),
            series: [{}, ...this.row.lines.map((line) => this.series(line))],
            hooks: { setCursor: [() => this.showValues()] },
        };
    }

    secondScale() {
        return this.row.lines.find((line) => line.scale)?.scale;
    }

    times() {
        const end = this.data[0].at(-1) ?? Date.now() / 1000;
        return [end - this.range_s, end];
    }

    axes() {
        const look = {
            stroke: themeColor("--quiet"), ticks: { show: false },
            font: `11px ${themeColor("--font")}`,
            grid: { stroke: themeColor("--line"), width: 1 },
        };
        const axes = [
            { ...look, space: 62, size: 28, grid: { show: false }, incrs: STEPS_S,
                values: (_, splits) => splits.map((s) => clockShort(s)) },
            { ...look, size: axisSize, space: 36, ...(this.row.steps && { incrs: this.row.steps }),
                values: (_, splits) => splits.map((v) => this.row.axis(v)) },
        ];
        const second = this.secondScale();
        if (second) axes.push({
            ...look, scale: second, side: 1, size: axisSize, space: 36, grid: { show: false },
            values: (_, splits) => splits.map(compact),
        });
        return axes;
    }

    series(line) {
        const color = themeColor(line.color);
        return {
            label: this.nameOf(line), scale: line.scale ?? "y", stroke: color, width: 1.6,
            fill: line.fill ? `${color}22` : undefined, points: { show: false },
        };
    }

    setData(timeline, range_s) {
        const isNewRange = range_s !== this.range_s;
        this.range_s = range_s;
        this.data = timeline.columns(this.names, range_s);
        if (isNewRange || !this.plot) this.draw();
        else this.plot.setData(this.data);
        this.showValues();
    }

    resize() {
        const width = this.canvas.clientWidth;
        if (this.plot && width > 0) this.plot.setSize({ width, height: HEIGHT_PX });
    }

    /* The values under the pointer; the newest when it is elsewhere. */
    showValues() {
        const last = this.data[0].length - 1;
        const pointed = this.plot?.cursor.idx ?? null;
        const index = pointed ?? last;
        const said = this.row.lines.map((line, i) => {
            const value = this.data[i + 1][index];
            const show = line.show ?? this.row.show;
            const text = value === null || value === undefined ? "–" : show(value);
            setText(this.values[i], text);
            return `${this.nameOf(line)}: ${text}`;
        });
        setText(this.when, pointed === null ? "" : clock(this.data[0][pointed]));
        if (pointed === null)
            this.canvas.setAttribute("aria-label", `${t(this.row.text)}. ${said.join(", ")}`);
    }
}

/* All charts in `parent`. */
export class Charts {
    constructor(parent) {
        this.charts = CHARTS.map((row) => new Chart(row));
        parent.append(...this.charts.map((chart) => chart.figure));
        const watcher = new ResizeObserver(() => this.charts.forEach((chart) => chart.resize()));
        watcher.observe(parent);
        document.addEventListener("themechange", () => {
            for (const chart of this.charts) if (chart.plot) chart.draw();
        });
    }

    show(timeline, range_s) {
        for (const chart of this.charts) chart.setData(timeline, range_s);
    }
}
