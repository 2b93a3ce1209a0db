/* main.js - the settings page: who are you, then every option. */
import { byId, setHidden, setText } from "../base/dom.js";
import { duration, t } from "../base/i18n.js";
import { HttpError } from "../base/net.js";
import { openPage } from "../base/shell.js";
import { Editor } from "./editor.js";
import { Review, showMessage } from "./review.js";
import { Session } from "./session.js";

const site = await openPage();
const editor = new Editor();
const session = new Session(() => {
    showMessage("", t("settings.session_ended"));
    showDoor();
});
const review = new Review(apply);

/* ---- in and out ---- */

function showDoor() {
    setHidden(byId("editor"), true);
    setHidden(byId("owner"), true);
    setHidden(byId("changes"), true);
    setHidden(byId("login"), false);
    byId("password").focus();
}

async function enter() {
    editor.load(await session.get("/api/settings"), { keepsEdits: true });
    setHidden(byId("login"), true);
    setHidden(byId("editor"), false);
    setHidden(byId("owner"), false);
}

function loginError(error) {
    if (!(error instanceof HttpError)) return t("settings.silent");
    if (error.status === 401) return t("settings.wrong_password");
    if (error.status !== 429) return error.body?.error ?? error.message;
    const wait_s = Number(error.headers.get("Retry-After")) || 1;
    return t("settings.too_often", { time: duration(wait_s) });
}

async function login(event) {
    event.preventDefault();
    const button = byId("login").querySelector("button");
    button.disabled = true;
    setText(byId("login-error"), "");
    try {
        await session.login(byId("password").value);
        byId("login").reset();
        showMessage("", "");
        await enter();
    } catch (error) {
        setText(byId("login-error"), loginError(error));
        byId("password").select();
    } finally {
        button.disabled = false;
    }
}

async function logout() {
    try {
        await session.logout();
    } finally {
        location.reload();
    }
}

/* ---- changes ---- */

function appliedText({ changed, saved, overridden }) {
    const parts = [t("settings.applied", { n: Object.keys(changed).length })];
    if (saved) parts.push(t("settings.saved", { path: saved }));
    if (overridden?.length > 0)
        parts.push(t("settings.overridden", { names: overridden.join(", ") }));
    return parts.join(" ");
}

async function apply(save) {
    try {
        const answer = await session.post("/api/settings", { set: editor.wanted, save });
        editor.load(await session.get("/api/settings"), { keepsEdits: false });
        showMessage("good", appliedText(answer));
    } catch (error) {
        if (error instanceof HttpError && error.body?.errors) editor.say(error.body.errors);
        throw error;
    }
}

byId("login").addEventListener("submit", login);
byId("logout").addEventListener("click", logout);
byId("review").addEventListener("click", () => review.open(editor.changes, editor.configFile));
addEventListener("beforeunload", (event) => {
    if (session.isOpen && editor.changes.length > 0) event.preventDefault();
});

if (site.settings === false) setHidden(byId("elsewhere"), false);
else if (session.isOpen) enter().catch(() => showDoor());
else showDoor();
