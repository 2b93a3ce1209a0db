/* shell.js - what all pages share: the bar at the top, language, theme, and which pages exist. */
import { byId, el, setHidden } from "./dom.js";
import { chooseLanguage, language, languages, loadLanguage, t } from "./i18n.js";
import { askJson } from "./net.js";
import { chooseTheme, chosenTheme, THEMES } from "./theme.js";

const UNKNOWN_SITE = { stats: true, map: true, settings: true };

function fillLanguageMenu() {
    const menu = byId("language");
    for (const [code, name] of languages)
        menu.append(el("option", { value: code, lang: code, selected: code === language() }, name));
    menu.addEventListener("change", () => chooseLanguage(menu.value));
}

function fillThemeMenu() {
    const menu = byId("theme");
    for (const theme of THEMES)
        menu.append(el("option", { value: theme, selected: theme === chosenTheme() },
            t(`theme.${theme}`)));
    menu.addEventListener("change", () => chooseTheme(menu.value));
}

/* What this door shows, as /api/site.json says: { stats, map, settings: bool, udp, http: port }. */
async function askSite() {
    try {
        return await askJson("/api/site.json");
    } catch {
        return UNKNOWN_SITE;
    }
}

function showLinks(site) {
    for (const link of document.querySelectorAll("[data-page]"))
        setHidden(link, site[link.dataset.page] === false);
}

/* Resolves to the site when language and bar are ready. */
export async function openPage() {
    await loadLanguage();
    document.title += ` · ${location.hostname}`;
    fillLanguageMenu();
    fillThemeMenu();
    const site = await askSite();
    showLinks(site);
    return site;
}

/* Calls `show` and `hide` as the page comes into view and goes out of it; `show` once at once. */
export function whileVisible(show, hide) {
    const follow = () => (document.hidden ? hide() : show());
    document.addEventListener("visibilitychange", follow);
    follow();
}
