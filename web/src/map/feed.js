/* feed.js - the lights as they come, over a WebSocket that comes back by itself.
 *
 * Wire      sub-protocol muster.map.v1, JSON text messages from the tracker (docs: src/admin/map.h).
 * Quiet     while nobody sees the page, or it is paused, there is no connection: a viewer costs the
 *           tracker something.
 * Silence   a tracker that sent nothing for 20 s is taken for gone. */
import { BackOff } from "../base/net.js";

const PROTOCOL = "muster.map.v1";
const LONGEST_WAIT_MS = 30000;
const SILENCE_MS = 20000;

export class Feed {
    constructor({ onMessage, onOpen, onClose }) {
        this.calls = { onMessage, onOpen, onClose };
        this.waits = new BackOff(LONGEST_WAIT_MS);
        this.socket = null;
        this.retry = 0;
        this.watch = 0;
    }

    open() {
        this.close();
        const scheme = location.protocol === "https:" ? "wss:" : "ws:";
        const socket = new WebSocket(`${scheme}//${location.host}/api/websocket`, PROTOCOL);
        this.socket = socket;
        socket.addEventListener("open", () => this.opened());
        socket.addEventListener("message", ({ data }) => this.received(data));
        socket.addEventListener("close", () => this.lost(socket));
    }

    opened() {
        this.waits.reset();
        this.watchSilence();
        this.calls.onOpen();
    }

    received(data) {
        this.watchSilence();
        this.calls.onMessage(JSON.parse(data));
    }

    lost(socket) {
        if (socket !== this.socket) return;
        clearTimeout(this.watch);
        this.calls.onClose();
        this.retry = setTimeout(() => this.open(), this.waits.take());
    }

    watchSilence() {
        clearTimeout(this.watch);
        this.watch = setTimeout(() => this.socket?.close(), SILENCE_MS);
    }

    close() {
        clearTimeout(this.retry);
        clearTimeout(this.watch);
        const socket = this.socket;
        this.socket = null;
        socket?.close();
    }
}
