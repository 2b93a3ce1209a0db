/* main.js - the landing page: the announce URLs of the host that the visitor asked for.
 *
 * The host is the one in the address bar: it is the one name of this machine that certainly works
 * for this visitor. So is its port for HTTP, unless the page came from the operator's listener:
 * there, and for UDP, the tracker says its ports (/api/site.json; 0: not served). */
import { byId, el, setText } from "../base/dom.js";
import { t } from "../base/i18n.js";
import { openPage } from "../base/shell.js";

function urlsOf(site) {
    const urls = [];
    if (site.udp) urls.push(`udp://${location.hostname}:${site.udp}/announce`);
    if (site.http && site.settings) urls.push(`http://${location.hostname}:${site.http}/announce`);
    else if (site.http) urls.push(`${location.origin}/announce`);
    return urls;
}

/* Where a page may not write to the clipboard (plain HTTP), the text is selected instead. */
async function copy(url, code) {
    try {
        await navigator.clipboard.writeText(url);
    } catch {
        getSelection().selectAllChildren(code);
        if (!document.execCommand("copy")) return;
    }
    setText(byId("copied"), t("index.copied", { url }));
}

function urlItem(url) {
    const code = el("code", {}, url);
    const label = t("index.copy_url", { url });
    const button = el("button", { type: "button", "aria-label": label }, t("index.copy"));
    button.addEventListener("click", async () => {
        await copy(url, code);
        setText(button, t("index.copied_short"));
        setTimeout(() => setText(button, t("index.copy")), 2000);
    });
    return el("li", {}, code, button);
}

const site = await openPage();
byId("urls").replaceChildren(...urlsOf(site).map(urlItem));
