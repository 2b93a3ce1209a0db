/* theme.js - light, dark, or as the system says. */
import { recall, remember } from "./store.js";

const KEY = "muster.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export const THEMES = ["auto", "light", "dark"];

export function chosenTheme() {
    const chosen = recall(KEY);
    return THEMES.includes(chosen) ? chosen : "auto";
}

export function applyTheme() {
    const chosen = chosenTheme();
    const system = systemIsDark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = chosen === "auto" ? system : chosen;
    document.dispatchEvent(new Event("themechange"));
}

export function chooseTheme(theme) {
    remember(KEY, theme);
    applyTheme();
}

export function followSystem() {
    systemIsDark.addEventListener("change", applyTheme);
}

/* The value of a custom property, e.g. themeColor("--udp4"): what canvases draw with. */
export function themeColor(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
