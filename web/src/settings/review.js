/* review.js - what will change, before it does; and what the tracker said to it. */
import { byId, setHidden, setText, syncRows } from "../base/dom.js";
import { t } from "../base/i18n.js";
import { HttpError } from "../base/net.js";

const shown = (text) => ({ text: text === "" ? t("settings.empty") : text, code: true });

function rowOf(field) {
    const { option } = field;
    const after = field.isForgotten ? t("settings.as_configured") : field.text.trim();
    const hidden = option.secret ? "•••" : null;
    return [{ text: option.name, code: true }, shown(hidden ?? option.value),
        shown(hidden ?? after)];
}

export class Review {
    /* `apply(save)` sends the changes; resolves when the tracker took them. */
    constructor(apply) {
        this.dialog = byId("dialog");
        this.send = apply;
        byId("apply").addEventListener("click", () => this.apply());
        this.dialog.addEventListener("submit", () => this.dialog.close());
    }

    open(fields, configFile) {
        syncRows(byId("dialog-rows"), fields.map(rowOf));
        byId("save").checked = false;
        byId("save").disabled = !configFile;
        setText(byId("save-note"), configFile ?? t("settings.no_file"));
        setText(byId("dialog-error"), "");
        this.dialog.showModal();
    }

    async apply() {
        byId("apply").disabled = true;
        try {
            await this.send(byId("save").checked);
            this.dialog.close();
        } catch (error) {
            this.refused(error);
        } finally {
            byId("apply").disabled = false;
        }
    }

    /* Errors of fields stand at their fields; the rest is said here. */
    refused(error) {
        if (!(error instanceof HttpError)) {
            setText(byId("dialog-error"), t("settings.silent"));
        } else if (error.status === 401) {
            this.dialog.close();
        } else if (error.body?.errors && !error.body.errors.save) {
            this.dialog.close();
        } else {
            const text = error.body?.errors?.save ?? error.body?.error ?? error.message;
            setText(byId("dialog-error"), text);
        }
    }
}

export function showMessage(kind, text) {
    byId("message").className = `notice ${kind}`;
    setText(byId("message"), text);
    setHidden(byId("message"), text === "");
}
