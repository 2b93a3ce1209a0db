/* session.js - being the owner: a token that the tracker gives for a password.
 *
 * The token lives in sessionStorage: it ends with the tab, no other site's request can carry it, and
 * it is sent only as `Authorization: Bearer`. There are no cookies, so nothing to forge. */
import { askJson, HttpError } from "../base/net.js";

const KEY = "muster.session";

export class Session {
    /* `onEnd` is called when the tracker does not know the token any more. */
    constructor(onEnd) {
        this.onEnd = onEnd;
        this.token = sessionStorage.getItem(KEY);
    }

    get isOpen() {
        return this.token !== null;
    }

    async login(password) {
        const { token } = await this.post("/api/login", { password });
        this.token = token;
        sessionStorage.setItem(KEY, token);
    }

    async logout() {
        try {
            await this.post("/api/logout", {});
        } finally {
            this.forget();
        }
    }

    forget() {
        this.token = null;
        sessionStorage.removeItem(KEY);
    }

    get(path) {
        return this.ask(path, {});
    }

    post(path, body) {
        return this.ask(path, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
        });
    }

    async ask(path, options) {
        const had = this.token;
        const headers = { ...options.headers, ...(had && { Authorization: `Bearer ${had}` }) };
        try {
            return await askJson(path, { ...options, headers, credentials: "omit" });
        } catch (error) {
            if (had && error instanceof HttpError && error.status === 401) {
                this.forget();
                this.onEnd();
            }
            throw error;
        }
    }
}
