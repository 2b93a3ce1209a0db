/* store.js - small choices that outlive the page; browsers may forbid keeping them. */

export function recall(key) {
    try {
        return localStorage.getItem(key);
    } catch {
        return null;
    }
}

export function remember(key, value) {
    try {
        localStorage.setItem(key, value);
    } catch {
        // the choice holds for this page
    }
}
