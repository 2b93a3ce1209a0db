/* net.js - asking the tracker. Every question has an end. */

const TIMEOUT_MS = 8000;

export class HttpError extends Error {
    constructor(status, body, headers) {
        super(`HTTP ${status}`);
        this.status = status;
        this.body = body;
        this.headers = headers;
    }
}

async function bodyOf(answer) {
    const text = await answer.text();
    try {
        return JSON.parse(text);
    } catch {
        return answer.ok ? Promise.reject(new Error("no JSON")) : { error: text.trim() };
    }
}

/* The JSON of an answer; throws HttpError for a status that says no, another error for silence. */
export async function askJson(path, options = {}) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
    try {
        const answer = await fetch(path, { cache: "no-store", signal: stop.signal, ...options });
        const body = await bodyOf(answer);
        if (!answer.ok) throw new HttpError(answer.status, body, answer.headers);
        return body;
    } finally {
        clearTimeout(timer);
    }
}

/* Waits between tries: 1, 2, 4 ... seconds up to the longest, with a quarter of chance in it so
 * that the visitors of a restarted tracker do not come back as one. */
export class BackOff {
    constructor(longestMs) {
        this.longestMs = longestMs;
        this.reset();
    }

    reset() {
        this.nextMs = 1000;
    }

    take() {
        const ms = this.nextMs * (0.875 + Math.random() / 4);
        this.nextMs = Math.min(this.longestMs, this.nextMs * 2);
        return ms;
    }
}
