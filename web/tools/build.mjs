/* build.mjs - makes the pages that muster serves.
 *
 *     node tools/build.mjs [--out DIR]          default: build/web of the checkout
 *
 * Idea      one bundle of script and one of style per page, HTML whose English text is taken from
 *           locales/en.json (so that it reads without script, and no text is written down twice), the
 *           language files as they are, and a world map simplified to what a screen can show.
 * Why       the server answers with a policy that allows its own files only: no inline script or
 *           style, nothing from another host. What leaves this script obeys it.
 * Order     the language files are checked first: a page with a hole in it is not built. */
import { readFile, writeFile, mkdir, rm, readdir, copyFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { complaintsAbout, readLocales } from "./check_locales.mjs";
import { simplifiedWorld } from "./world.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const PAGES = ["index", "stats", "map", "settings"];
const ENTRY_FOLDER = { index: "home", stats: "stats", map: "map", settings: "settings" };
const BUNDLED = ["uplot", "d3-geo", "d3-array", "internmap", "topojson-client", "world-atlas"];

function escapeHtml(text) {
    const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
    return text.replace(/[&<>"]/g, (c) => names[c]);
}

/* Fills `<tag data-i18n="key"></tag>` and `data-i18n-label="key"` with the English text. */
function withEnglish(html, english) {
    const text = (key) => escapeHtml(english[key]);
    return html
        .replace(/(<(\w+)[^>]*\sdata-i18n="([^"]+)"[^>]*>)(<\/\2>)/g,
            (_, open, tag, key, close) => open + text(key) + close)
        .replace(/data-i18n-label="([^"]+)"/g, (all, key) => `${all} aria-label="${text(key)}"`)
        .replace(/data-i18n-placeholder="([^"]+)"/g,
            (all, key) => `${all} placeholder="${text(key)}"`);
}

async function buildPage(page, english, out) {
    const layout = await readFile(join(ROOT, "pages/layout.html"), "utf8");
    const body = await readFile(join(ROOT, `pages/${page}.html`), "utf8");
    const html = layout
        .replaceAll("{{page}}", page)
        .replaceAll(`data-page="${page}"`, `data-page="${page}" aria-current="page"`)
        .replace("{{body}}", () => body.trimEnd());
    await writeFile(join(out, `${page}.html`), withEnglish(html, english));
}

async function bundle(out, languages) {
    const entries = PAGES.flatMap((page) => [
        { in: join(ROOT, `src/${ENTRY_FOLDER[page]}/main.js`), out: page },
        { in: join(ROOT, `styles/${page}.css`), out: page },
    ]);
    const common = {
        bundle: true,
        minify: true,
        legalComments: "none", // all of them are in licenses.txt
        target: ["chrome100", "firefox100", "safari15.4"],
        define: { LANGUAGES: JSON.stringify(languages) },
        outdir: join(out, "assets"),
        logLevel: "warning",
    };
    await build({ ...common, entryPoints: entries, format: "esm" });
    await build({ ...common, entryPoints: [join(ROOT, "src/base/early.js")], format: "iife" });
}

/* The notices that the licenses of the bundled libraries ask for. */
async function writeLicenses(out) {
    const parts = [];
    for (const name of BUNDLED) {
        const folder = join(ROOT, "node_modules", name);
        const file = (await readdir(folder)).find((f) => /^licen[sc]e/i.test(f));
        parts.push(`${name}\n\n${await readFile(join(folder, file), "utf8")}`);
    }
    await writeFile(join(out, "assets/licenses.txt"), parts.join(`\n${"-".repeat(72)}\n\n`));
}

async function writeWorld(out) {
    const atlas = createRequire(import.meta.url)("world-atlas/countries-50m.json");
    await writeFile(join(out, "assets/world.json"), JSON.stringify(simplifiedWorld(atlas)));
}

async function copyStatic(out) {
    await copyFile(join(ROOT, "static/favicon.ico"), join(out, "favicon.ico"));
    await copyFile(join(ROOT, "static/icon.svg"), join(out, "assets/icon.svg"));
}

async function main() {
    const { values } = parseArgs({ options: { out: { type: "string" } } });
    const here = process.env.INIT_CWD ?? process.cwd(); // where npm was called
    const out = values.out ? resolve(here, values.out) : resolve(ROOT, "../build/web");
    const complaints = await complaintsAbout(ROOT);
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
    const locales = await readLocales(ROOT);
    const languages = Object.fromEntries(
        Object.entries(locales).map(([code, texts]) => [code, texts["language.name"]]));

    await rm(out, { recursive: true, force: true });
    await mkdir(join(out, "assets"), { recursive: true });
    await mkdir(join(out, "locales"), { recursive: true });
    await bundle(out, languages);
    for (const page of PAGES) await buildPage(page, locales.en, out);
    for (const [code, texts] of Object.entries(locales))
        await writeFile(join(out, `locales/${code}.json`), JSON.stringify(texts));
    await Promise.all([writeLicenses(out), writeWorld(out), copyStatic(out)]);
    console.log(`pages: ${out}`);
}

main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
});
