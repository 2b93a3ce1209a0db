/* i18n.js - texts, numbers, sizes and times in the reader's language.
 *
 * A language is a file in locales/. It is chosen by hand (kept in the browser) or by what the
 * browser prefers, and English when there is none of those. Numbers and dates follow the browser's
 * own variant of the language: en-GB writes dates as en-GB does. */
import { recall, remember } from "./store.js";

const KEY = "muster.language";

let texts = {};
let tag = "en";
let plurals = new Intl.PluralRules("en");

export const languages = Object.entries(LANGUAGES); // [[code, its own name]...]: see tools/build.mjs
export const language = () => tag.split("-")[0];
export const languageTag = () => tag;

function wantedTag() {
    const known = (candidate) => candidate && candidate.toLowerCase().split("-")[0] in LANGUAGES;
    const preferred = navigator.languages ?? [navigator.language];
    const chosen = recall(KEY);
    if (!known(chosen)) return preferred.find(known) ?? "en";
    return preferred.find((other) => other.toLowerCase().split("-")[0] === chosen) ?? chosen;
}

export async function loadLanguage() {
    tag = wantedTag();
    plurals = new Intl.PluralRules(tag);
    const answer = await fetch(`/locales/${language()}.json`);
    texts = await answer.json();
    document.documentElement.lang = language();
    translate(document);
}

export function chooseLanguage(code) {
    remember(KEY, code);
    location.reload();
}

/* The text of a key; `values` fill its {placeholders}, numbers formatted; values.n chooses the
 * plural form. A key that no file has reads as itself. */
export function t(key, values = {}) {
    const entry = texts[key] ?? key;
    const text = typeof entry === "string"
        ? entry : entry[plurals.select(values.n)] ?? entry.other;
    return text.replace(/\{(\w+)\}/g, (all, name) => {
        if (!(name in values)) return all;
        return typeof values[name] === "number" ? number(values[name]) : values[name];
    });
}

/* Whether the language has this key: names that come from data need not be known. */
export const hasText = (key) => key in texts;

export function translate(root) {
    for (const element of root.querySelectorAll("[data-i18n]"))
        element.textContent = t(element.dataset.i18n);
    for (const element of root.querySelectorAll("[data-i18n-label]"))
        element.setAttribute("aria-label", t(element.dataset.i18nLabel));
    for (const element of root.querySelectorAll("[data-i18n-placeholder]"))
        element.setAttribute("placeholder", t(element.dataset.i18nPlaceholder));
}

/* ---- numbers ---- */

const formats = new Map();

function format(kind, options) {
    const key = `${kind.name} ${JSON.stringify(options)}`;
    if (!formats.has(key)) formats.set(key, new kind(tag, options));
    return formats.get(key);
}

const decimal = (options) => format(Intl.NumberFormat, options);

export const number = (n) => decimal({ maximumFractionDigits: 2 }).format(n);

/* At most four digits and a word: for axes and narrow places. */
export const compact = (n) =>
    decimal({ notation: "compact", maximumSignificantDigits: 3 }).format(n);

/* A rate: whole from 10 on, below with a decimal, so that a quiet tracker shows something. */
export const rate = (n) => decimal({ maximumFractionDigits: n < 9.95 ? 1 : 0 }).format(n);

export const percent = (share) =>
    decimal({ style: "percent", maximumSignificantDigits: 2 }).format(share);

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];

export function bytes(n) {
    const power = n < 1000 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(n) / 3));
    const value = n / 1000 ** power;
    return decimal({
        style: "unit", unit: SIZES[power], unitDisplay: power === 0 ? "long" : "short",
        maximumFractionDigits: power === 0 || value >= 100 ? 0 : 1,
    }).format(value);
}

/* ---- times ---- */

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

const unit = (name, value, fraction = 0, width = "short") => decimal({
    style: "unit", unit: name, unitDisplay: width, maximumFractionDigits: fraction,
}).format(value);

/* The two largest units: "3 days 4 hr". */
export function duration(seconds, width = "short") {
    const whole = Math.round(seconds);
    const first = UNITS.findIndex(([, size]) => whole >= size);
    if (first < 0) return unit("second", whole, 0, width);
    const parts = [];
    let rest = whole;
    for (const [name, size] of UNITS.slice(first, first + 2)) {
        const count = Math.floor(rest / size);
        if (count > 0) parts.push(unit(name, count, 0, width));
        rest -= count * size;
    }
    return parts.join(" ");
}

export const seconds = (n) => unit("second", n, 1);

/* Microseconds as what reads best: µs, ms or s. */
export function shortTime(us) {
    if (us < 1000) return unit("microsecond", us, us < 10 ? 1 : 0);
    if (us < 1e6) return unit("millisecond", us / 1000, us < 1e4 ? 1 : 0);
    return unit("second", us / 1e6, 1);
}

const dateFormat = (options) => format(Intl.DateTimeFormat, options);

export const dateTime = (unixS) =>
    dateFormat({ dateStyle: "medium", timeStyle: "short" }).format(unixS * 1000);
export const clock = (unixS) => dateFormat({ timeStyle: "medium" }).format(unixS * 1000);
export const clockShort = (unixS) =>
    dateFormat({ hour: "2-digit", minute: "2-digit" }).format(unixS * 1000);

/* "Germany" of "DE"; the code itself where the browser knows no name. */
export function country(code) {
    try {
        return format(Intl.DisplayNames, { type: "region" }).of(code) ?? code;
    } catch {
        return code;
    }
}
