/* check_locales.mjs - what can be wrong with a language file without a reader of the language.
 *
 *     node tools/check_locales.mjs [FOLDER]          default: the folder above this script's
 *
 * locales/en.json is the reference. Of every other file it finds missing and needless keys, texts
 * left in English, placeholders that differ, and plural forms that the language lacks or does not
 * have (CLDR's, as Intl.PluralRules knows them); of en.json, keys that no source names and keys that
 * a source names and no file has.
 *
 * A source names a key by quoting it, or, where the end of the key is data, its start: every key
 * that begins with a quoted "start." or `start.${...}` counts as used. What is quoted, has a dot and
 * begins like a key of en.json is taken for a key.
 * What the tracker names has texts, too: groups of options (group.*) and kinds of errors (kind.*) in
 * every language; each option's line of help (option.*) and the words of what is allowed (phrase.*, by
 * the English ones) in every one but English, which is the option table's own. A page without such a text shows the tracker's English, so it is built all the
 * same; this check and the tests compare them with the tables in ../src.
 * A text that is rightly the same in English is listed in locales/same.txt: LANGUAGE KEY. */
import { readFile, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const QUOTED = /"([\w-]+\.[\w.-]+)"/g;
const QUOTED_START = /"([\w-]+\.)"|`([\w-]+\.[\w.-]*)\$\{/g;

async function filesBelow(folder, suffix) {
    const entries = await readdir(folder, { withFileTypes: true });
    const lists = await Promise.all(entries.map((e) => {
        const path = join(folder, e.name);
        if (e.isDirectory()) return filesBelow(path, suffix);
        return e.name.endsWith(suffix) ? [path] : [];
    }));
    return lists.flat();
}

/* {code: {key: text or {plural category: text}}}, en first. */
export async function readLocales(root) {
    const files = (await readdir(join(root, "locales"))).filter((f) => f.endsWith(".json"));
    const codes = files.map((f) => f.replace(".json", "")).sort();
    const locales = {};
    for (const code of ["en", ...codes.filter((c) => c !== "en")])
        locales[code] = JSON.parse(await readFile(join(root, `locales/${code}.json`), "utf8"));
    return locales;
}

/* { keys: Map of key to the file that names it, starts: [...] } */
async function namesInSources(root, english) {
    const families = new Set(Object.keys(english).map((key) => key.split(".")[0]));
    const isKey = (name) => families.has(name.split(".")[0]);
    const keys = new Map();
    const starts = [];
    const lists = ["src", "pages", "tools"].map((folder) => filesBelow(join(root, folder), ""));
    for (const path of (await Promise.all(lists)).flat()) {
        const source = await readFile(path, "utf8");
        for (const [, name] of source.matchAll(QUOTED)) if (isKey(name)) keys.set(name, path);
        for (const [, quoted, template] of source.matchAll(QUOTED_START))
            starts.push(quoted ?? template);
    }
    return { keys, starts: starts.filter(isKey) };
}

/* ---- what the tracker names ---- */

async function sourceOfTracker(root, path) {
    return readFile(join(root, "../src", path), "utf8");
}

const firsts = (text, pattern) => [...text.matchAll(pattern)].map((found) => found[1]);

/* The text of a row's field, or undefined; `table` defines what is written as a name. */
function fieldOf(row, field, table) {
    const [, literals, name] =
        new RegExp(`\\.${field} = (?:((?:"(?:[^"\\\\]|\\\\.)*"\\s*)+)|(\\w+))`).exec(row) ?? [];
    if (name) return new RegExp(`#define ${name} "(.*)"`).exec(table)?.[1];
    return literals && firsts(literals, /"((?:[^"\\]|\\.)*)"/g).join("");
}

/* {option.NAME: help, phrase.WORDS: words} of the rows of the option table. */
async function optionTexts(root) {
    const table = await sourceOfTracker(root, "app/options.c");
    const files = firsts(table, /#include "(app\/options_\w+\.def)"/g);
    const sources = await Promise.all(files.map((path) => sourceOfTracker(root, path)));
    const rows = sources.flatMap((source) => source.split(/^(?=\{\.name)/m).slice(1));
    const limit = firsts(await sourceOfTracker(root, "app/options_value.c"),
        /case OPT_LIMIT: snprintf\(out, size, "(.*)"\)/g);
    const phrases = rows.flatMap((row) => ["zero", "range"].map((f) => fieldOf(row, f, table)));
    return Object.fromEntries([
        ...rows.map((row) => [`option.${fieldOf(row, "name", table)}`, fieldOf(row, "help", table)]),
        ...[...phrases, ...limit].filter(Boolean).map((words) => [`phrase.${words}`, words]),
    ]);
}

async function groupKeys(root) {
    const [, ids] = /GROUP_IDS\[GROUP_COUNT\] = \{(.*?)\};/s.exec(
        await sourceOfTracker(root, "app/options.c"));
    return firsts(ids, /"(\w+)"/g).map((id) => `group.${id}`);
}

/* Errors that a client can be told of stand before those of the configuration. */
async function kindKeys(root) {
    const rows = (await sourceOfTracker(root, "base/err.def")).split("/* text and configuration */")[0];
    const ids = firsts(rows, /^ERR\(ERR_(\w+),/gm).filter((id) => id !== "OK");
    return [...ids.map((id) => id.toLowerCase()), "not_a_request"].map((id) => `kind.${id}`);
}

async function sameOnPurpose(root) {
    const lines = (await readFile(join(root, "locales/same.txt"), "utf8")).split("\n");
    return new Set(lines.filter((line) => line && !line.startsWith("#")));
}

const forms = (text) => (typeof text === "string" ? { other: text } : text);
const placeholders = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(" ");

function* unused(english, { keys, starts }) {
    for (const key of Object.keys(english)) {
        const isUsed = keys.has(key) || starts.some((start) => key.startsWith(start));
        if (!isUsed) yield `en ${key}: no source names it`;
    }
    for (const [key, path] of keys)
        if (!(key in english)) yield `en ${key}: missing (named in ${path})`;
}

function* pluralFaults(code, key, text) {
    if (typeof text === "string") return;
    const wanted = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
    for (const category of wanted)
        if (!(category in text)) yield `${code} ${key}: no plural form "${category}"`;
    for (const category of Object.keys(text))
        if (!wanted.includes(category)) yield `${code} ${key}: ${code} has no "${category}"`;
}

function* placeholderFaults(code, key, text, reference) {
    const wanted = placeholders(forms(reference).other);
    for (const form of Object.values(forms(text))) {
        if (!form.trim()) yield `${code} ${key}: empty`;
        const found = placeholders(form);
        if (found !== wanted) yield `${code} ${key}: placeholders "${found}", not "${wanted}"`;
    }
}

function* comparison(code, texts, english, same) {
    for (const key of Object.keys(english)) {
        if (!(key in texts)) {
            yield `${code} ${key}: missing`;
            continue;
        }
        yield* pluralFaults(code, key, texts[key]);
        yield* placeholderFaults(code, key, texts[key], english[key]);
        const isSame = forms(texts[key]).other === forms(english[key]).other;
        const isMeant = same.has(`${code} ${key}`) || same.has(`* ${key}`);
        if (code !== "en" && isSame && !isMeant) yield `${code} ${key}: left in English`;
    }
    for (const key of Object.keys(texts))
        if (!(key in english)) yield `${code} ${key}: en has no such key`;
}

const isOption = (key) => key.startsWith("option.") || key.startsWith("phrase.");
const without = (texts, isLeftOut) =>
    Object.fromEntries(Object.entries(texts).filter(([key]) => !isLeftOut(key)));

/* Those of the pages' own texts: holes in a page. */
export async function complaintsAbout(root) {
    const locales = await readLocales(root);
    const same = await sameOnPurpose(root);
    const complaints = [...unused(locales.en, await namesInSources(root, locales.en))];
    for (const [code, texts] of Object.entries(locales))
        complaints.push(...comparison(code, without(texts, isOption), locales.en, same));
    return complaints;
}

function* unlike(english, family, wanted) {
    const has = Object.keys(english).filter((key) => key.startsWith(family));
    for (const key of wanted) if (!has.includes(key)) yield `en ${key}: missing`;
    for (const key of has)
        if (!wanted.includes(key)) yield `en ${key}: the tracker has no such name`;
}

/* Those of texts for what the tracker names. */
async function complaintsAboutNames(root) {
    const { en, ...others } = await readLocales(root);
    const options = await optionTexts(root);
    const same = await sameOnPurpose(root);
    const complaints = [...unlike(en, "group.", await groupKeys(root)),
        ...unlike(en, "kind.", await kindKeys(root)), ...unlike(en, "option.", []), ...unlike(en, "phrase.", [])];
    for (const [code, texts] of Object.entries(others))
        complaints.push(...comparison(code, without(texts, (key) => !isOption(key)), options, same));
    return complaints;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const here = resolve(dirname(fileURLToPath(import.meta.url)), "..");
    const root = resolve(process.argv[2] ?? here);
    const complaints = [...await complaintsAbout(root), ...await complaintsAboutNames(root)];
    console.log(complaints.join("\n") || "locales: ok");
    process.exitCode = complaints.length > 0 ? 1 : 0;
}
