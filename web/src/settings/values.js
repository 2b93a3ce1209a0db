/* values.js - an option's value as text: what it means, and whether the tracker would take it.
 *
 * The tracker checks everything again; this tells while somebody types. Units are those of the
 * option parser: K M G T for sizes (powers of 1024), ms s m h d for times. */
import { t } from "../base/i18n.js";
import { rangeText } from "./range.js";

const SIZE = /^(\d+)\s*(?:([KMGT])?i?B?)$/i;
const TIME = /^(\d+)(ms|s|m|h|d)?$/i;
const SIZE_POWERS = { k: 1, m: 2, g: 3, t: 4 };
const TIME_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };

const PARSERS = {
    int: (text) => (/^\d+$/.test(text) ? Number(text) : NaN),
    fraction: (text) => (/^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN),
    size: (text) => {
        const found = SIZE.exec(text);
        return found ? found[1] * 1024 ** (SIZE_POWERS[found[2]?.toLowerCase()] ?? 0) : NaN;
    },
    time: (text) => {
        const found = TIME.exec(text);
        return found ? found[1] * (TIME_SECONDS[found[2]?.toLowerCase()] ?? 1) : NaN;
    },
};

/* A number where the option has one (seconds, bytes), else the text itself. */
export function meaning(option, text) {
    const parser = PARSERS[option.type];
    return parser ? parser(text.trim()) : text.trim();
}

/* Whether two texts say the same: 10m and 600s do. */
export function isSame(option, a, b) {
    const [first, second] = [meaning(option, a), meaning(option, b)];
    return first === second || (Number.isNaN(first) && a === b);
}

/* What is wrong with a text, in words; "" when nothing is. */
export function complaint(option, text) {
    const value = meaning(option, text);
    if (typeof value !== "number") return "";
    if (Number.isNaN(value)) return t(`settings.not_a_${option.type}`);
    const isBelow = option.min !== undefined && value < option.min;
    const isAbove = option.max !== undefined && value > option.max;
    return isBelow || isAbove ? t("settings.out_of_range", { range: rangeText(option.range) }) : "";
}
