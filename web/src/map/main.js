/* main.js - the map page: joins feed, lights, land and the two panels. */
import { byId, el, setHidden, setText, syncRows } from "../base/dom.js";
import { compact, country, number, rate, t } from "../base/i18n.js";
import { askJson } from "../base/net.js";
import { openPage, whileVisible } from "../base/shell.js";
import { Atlas } from "./atlas.js";
import { Feed } from "./feed.js";
import { KINDS, Lights } from "./lights.js";

const COUNTRIES_SHOWN = 10;
const MESSAGE_MS = 100;          // a message holds the lights of so long
const STATE_PERIOD_MS = 10000;
const COUNTRIES_PERIOD_MS = 1000;
const SAMPLED_MS = 5000;         // a message that was a sample makes the page say so for so long
const UNKNOWN = "ZZ";

const site = await openPage();

const atlas = new Atlas(byId("land"));
const lights = new Lights(byId("lights"), byId("embers"));
const canvases = [byId("land"), byId("embers"), byId("lights")];
const counts = new Map(); // country code: announces while somebody watched
const view = { isPaused: false, isVisible: true, isReady: false, askAgain: 0, sampledAt: -Infinity };

const feed = new Feed({
    onOpen: () => setState("good", t("map.state_live")),
    onClose: () => setState("bad", t("map.state_lost")),
    onMessage: show,
});

/* ---- what comes in ---- */

function kindOf(door, family) {
    return `${door === 1 ? "udp" : "http"}${family === 6 ? 6 : 4}`;
}

function show(message) {
    const spread = MESSAGE_MS / Math.max(1, message.lights.length);
    message.lights.forEach(([latitude, longitude, door, family], i) => {
        const position = atlas.place(latitude, longitude);
        lights.add(kindOf(door, family), [latitude, longitude], position, i * spread);
    });
    for (const [code, n] of Object.entries(message.countries ?? {})) counts.set(code, n);
    setText(byId("rate"), rate(message.announces_per_s));
    if (message.sampled) view.sampledAt = performance.now();
    const isSample = performance.now() - view.sampledAt < SAMPLED_MS;
    setText(byId("sampling"), isSample ? t("map.sampled") : t("map.not_sampled"));
}

function showCountries() {
    const rows = [...counts].filter(([code]) => code !== UNKNOWN).sort(([, a], [, b]) => b - a);
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    const shown = rows.slice(0, COUNTRIES_SHOWN);
    const rest = all - shown.reduce((sum, [, n]) => sum + n, 0);
    const largest = Math.max(1, shown[0]?.[1] ?? 1);
    const cells = shown.map(([code, n]) =>
        [{ text: country(code), title: number(n) }, { text: compact(n), share: n / largest }]);
    if (rest > 0) cells.push([t("map.elsewhere"), { text: compact(rest), share: 0 }]);
    syncRows(byId("countries"), cells);
    setHidden(byId("no-countries"), cells.length > 0);
}

/* ---- whether there is anything to show ---- */

const TROUBLES = {
    "off": { title: () => t("map.off"), text: () => t("map.off_text"), command: "map = public" },
    "no database": { title: () => t("map.no_database"), text: () => t("map.no_database_text"),
        command: "muster geoip" },
    "loading": { title: () => t("map.loading"), text: () => t("map.loading_text") },
    "silent": { title: () => t("map.silent"), text: () => t("map.silent_text") },
};

function showTrouble(state) {
    const trouble = TROUBLES[state];
    setHidden(byId("trouble"), !trouble);
    if (!trouble) return;
    setText(byId("trouble-title"), trouble.title());
    setText(byId("trouble-text"), trouble.text());
    setHidden(byId("trouble-command"), !trouble.command);
    setText(byId("trouble-command").firstChild, trouble.command ?? "");
    setState("warn", trouble.title());
}

async function askState() {
    clearTimeout(view.askAgain);
    let state = "off";
    try {
        if (site.map !== false) state = (await askJson("/api/map.json")).state;
    } catch {
        state = "silent";
    }
    showTrouble(state);
    setReady(state === "ready");
    if (view.isVisible) view.askAgain = setTimeout(askState, STATE_PERIOD_MS);
}

function setReady(isReady) {
    if (isReady === view.isReady) return;
    view.isReady = isReady;
    follow();
}

/* ---- running, pausing ---- */

function setState(kind, text) {
    byId("state").className = `chip ${kind}`;
    setText(byId("state"), text);
}

function follow() {
    const isWatching = view.isReady && view.isVisible && !view.isPaused;
    if (isWatching) {
        setState("", t("map.state_connecting"));
        feed.open();
        lights.run();
    } else {
        feed.close();
        lights.stop();
        if (view.isPaused && view.isReady) setState("", t("map.state_paused"));
    }
}

function togglePause() {
    view.isPaused = !view.isPaused;
    byId("pause").setAttribute("aria-pressed", String(view.isPaused));
    setText(byId("pause"), view.isPaused ? t("map.resume") : t("map.pause"));
    follow();
}

/* ---- size and colors ---- */

function fit() {
    const { clientWidth: width, clientHeight: height } = byId("sky");
    const scale = Math.min(2, window.devicePixelRatio || 1);
    for (const canvas of canvases) {
        canvas.width = width * scale;
        canvas.height = height * scale;
    }
    lights.scale = scale;
    lights.setRoom(width);
    atlas.fit(width, height);
    atlas.draw(scale);
    lights.moveTo((latitude, longitude) => atlas.place(latitude, longitude));
}

function legendItem(kind) {
    const mark = el("span", { class: kind.isDiamond ? "mark diamond" : "mark" });
    mark.style.setProperty("--color", `var(${kind.color})`);
    return el("li", {}, mark, kind.name);
}

byId("legend").append(...KINDS.map(legendItem));
byId("pause").addEventListener("click", togglePause);
await atlas.load();
new ResizeObserver(fit).observe(byId("sky"));
document.addEventListener("themechange", () => {
    lights.renewColors();
    fit();
});
whileVisible(() => {
    view.isVisible = true;
    askState();
    follow();
}, () => {
    view.isVisible = false;
    follow();
});
setInterval(showCountries, COUNTRIES_PERIOD_MS);
