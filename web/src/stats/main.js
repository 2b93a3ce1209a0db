/* main.js - the statistics page: joins what comes in (feed, timeline) with what shows it. */
import { byId, el, setHidden, setText } from "../base/dom.js";
import { dateTime, duration, t } from "../base/i18n.js";
import { openPage } from "../base/shell.js";
import { recall, remember } from "../base/store.js";
import { Cards } from "./cards.js";
import { Charts } from "./charts.js";
import { Details } from "./details.js";
import { followStats } from "./feed.js";
import { Panels } from "./panels.js";
import { pointOf, Timeline } from "./timeline.js";

const RANGES = [600, 3600, 6 * 3600, 86400]; // seconds
const RANGE_KEY = "muster.stats.range";
const HISTORY_PERIOD_S = 10;
const DETAILS_PERIOD_S = 2;

await openPage();

const parts = {
    cards: new Cards(byId("cards")),
    charts: new Charts(byId("charts")),
    panels: new Panels(byId("panels")),
    details: new Details(byId("details")),
};
const timeline = new Timeline();
const seen = { stats: null, historyAt: 0, detailsAt: 0, answeredAt: Date.now() };
let range = RANGES.find((r) => String(r) === recall(RANGE_KEY)) ?? RANGES[0];

function chooseRange(chosen) {
    range = chosen;
    remember(RANGE_KEY, String(chosen));
    for (const button of byId("ranges").children)
        button.setAttribute("aria-pressed", String(button.value === String(chosen)));
    if (seen.stats) parts.charts.show(timeline, range);
}

function setState(kind, text) {
    byId("state").className = `chip ${kind}`;
    setText(byId("state"), text);
}

/* A run loop says how often it restarted muster (-f): that must not be overlooked. */
function showRestarts(stats) {
    const restarts = stats.restarts ?? 0;
    setHidden(byId("restarted"), restarts === 0);
    document.body.classList.toggle("after-restart", restarts > 0);
    if (restarts > 0) setText(byId("restarted"), t("stats.restarted", { n: restarts }));
}

function showAbout(stats) {
    const about = [
        `${stats.name ?? "muster"} ${stats.version ?? ""}`.trim(),
        t("stats.up_since",
            { time: dateTime(stats.start_unix_s), uptime: duration(stats.uptime_s) }),
        t("stats.workers", { n: stats.workers }),
    ];
    if (stats.mode === "info") about.push(t("stats.mode_info"));
    setText(byId("about"), about.join(" · "));
}

/* History is asked for at the start, then a step at a time, and anew after a restart. */
async function refreshHistory(stats) {
    const isNewRun = seen.stats && seen.stats.start_unix_s !== stats.start_unix_s;
    if (!isNewRun && stats.now_unix_s - seen.historyAt < HISTORY_PERIOD_S) return;
    seen.historyAt = stats.now_unix_s;
    try {
        await timeline.fetchHistory();
        parts.charts.show(timeline, range);
    } catch {
        // the charts go on with what this page saw itself
    }
}

function onStats(stats) {
    refreshHistory(stats);
    if (seen.stats) timeline.add(pointOf(stats, seen.stats));
    seen.answeredAt = Date.now();
    seen.stats = stats;
    setState("good", t("stats.state_live"));
    setHidden(byId("silence"), true);
    setHidden(byId("reduced"), stats.stats !== "minimal");
    byId("live").classList.remove("stale");
    showAbout(stats);
    showRestarts(stats);
    parts.cards.show(stats);
    parts.charts.show(timeline, range);
    if (stats.now_unix_s - seen.detailsAt >= DETAILS_PERIOD_S) {
        seen.detailsAt = stats.now_unix_s;
        parts.panels.show(stats);
        parts.details.show(stats);
    }
}

function onSilence() {
    const silent_s = Math.max(1, Math.round((Date.now() - seen.answeredAt) / 1000));
    setState("bad", t("stats.state_silent"));
    setText(byId("silence"), t("stats.silence", { time: duration(silent_s) }));
    setHidden(byId("silence"), false);
    byId("live").classList.add("stale");
}

byId("ranges").append(...RANGES.map((seconds) => el("button", {
    type: "button", value: seconds, onclick: () => chooseRange(seconds),
}, duration(seconds))));
chooseRange(range);
followStats({ onStats, onSilence });
