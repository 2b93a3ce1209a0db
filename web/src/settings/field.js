/* field.js - one option: its name, help, control, range, origin, and what is wrong with it.
 *
 * The longer help comes from the option table, in English, and so does the line of help of an option
 * that the language does not know; they are marked as such, so that a screen reader says them right. */
import { el, setHidden, setText } from "../base/dom.js";
import { hasText, t } from "../base/i18n.js";
import { rangeText } from "./range.js";
import { complaint, isSame } from "./values.js";

const UNITS = { "%": "%" }; // times and sizes carry theirs in the value

function controlOf(option, id) {
    const common = { id, name: option.name, disabled: !option.live,
        "aria-describedby": `${id}-help ${id}-facts ${id}-error` };
    if (option.type === "flag")
        return el("input", { ...common, type: "checkbox", class: "switch", role: "switch" });
    if (option.type === "choice")
        return el("select", common, ...option.choices.map((word) => el("option", {}, word)));
    return el("input", {
        ...common, type: option.secret ? "password" : "text", spellcheck: "false",
        autocomplete: option.secret ? "new-password" : "off", autocapitalize: "none",
        placeholder: option.secret && option.is_set ? t("settings.secret_set") : null,
    });
}

/* { text, lang } */
function helpOf({ name, help }) {
    const key = `option.${name}`;
    return hasText(key) ? { text: t(key), lang: null } : { text: help, lang: "en" };
}

function originText({ source, line }) {
    const key = `origin.${source}`.replace(" ", "_");
    const name = hasText(key) ? t(key) : source;
    return line ? t("settings.origin_line", { source: name, line: String(line) }) : name;
}

export class Field {
    constructor(option, onChange) {
        this.id = `option-${option.name}`;
        this.control = controlOf(option, this.id);
        this.error = el("p", { class: "field-error", id: `${this.id}-error`, role: "alert" });
        this.facts = el("p", { class: "facts quiet small", id: `${this.id}-facts` });
        this.toDefault = el("button", { type: "button", class: "small-button" },
            t("settings.to_default"));
        this.toSource = el("button", { type: "button", class: "small-button" },
            t("settings.to_source"));
        this.isForgotten = false; // go back to what file, environment and command line say
        this.element = this.build(option);
        this.control.addEventListener("input", () => this.edited(onChange));
        this.toDefault.addEventListener("click", () => this.write(this.option.default, onChange));
        this.toSource.addEventListener("click", () => this.forget(onChange));
        this.load(option, false);
    }

    build(option) {
        const more = option.more
            ? el("details", {}, el("summary", { class: "small" }, t("settings.read_more")),
                el("p", { class: "small", lang: "en" }, option.more))
            : null;
        const unit = UNITS[option.unit];
        const help = helpOf(option);
        return el("div", { class: option.live ? "option" : "option fixed" },
            el("div", { class: "about" },
                el("label", { for: this.id, class: "code name" }, option.name),
                el("p", { class: "help", id: `${this.id}-help`, lang: help.lang }, help.text), more),
            el("div", { class: "value" },
                el("div", { class: "control" }, this.control,
                    unit ? el("span", { class: "quiet small" }, unit) : null,
                    option.live ? this.toDefault : null, option.live ? this.toSource : null),
                this.error, this.facts));
    }

    /* The option as the tracker has it now. */
    load(option, keepsEdit) {
        const typed = this.option && this.isChanged && keepsEdit ? this.text : option.value;
        this.option = option;
        const facts = [option.type === "flag" || option.type === "choice" ? null
            : t("settings.range", { range: rangeText(option.range) }),
        t("settings.default", { value: option.default || t("settings.empty") }),
        t("settings.origin", { source: originText(option.origin) })];
        if (!option.live) facts.push(t("settings.restart"));
        setText(this.facts, facts.filter(Boolean).join(" · "));
        this.reset();
        this.text = typed;
        this.show();
    }

    reset() {
        this.isForgotten = false;
        this.text = this.option.value;
        this.show();
    }

    get text() {
        return this.option.type === "flag" ? (this.control.checked ? "yes" : "no")
            : this.control.value;
    }

    set text(value) {
        if (this.option.type === "flag") this.control.checked = value === "yes";
        else this.control.value = value;
    }

    get isChanged() {
        return this.isForgotten || !isSame(this.option, this.text, this.option.value);
    }

    get isValid() {
        return this.control.getAttribute("aria-invalid") !== "true";
    }

    /* What to send: a text, or null to go back to what the sources say. */
    get wanted() {
        return this.isForgotten ? null : this.text.trim();
    }

    write(value, onChange) {
        this.text = value;
        this.edited(onChange);
        this.control.focus();
    }

    forget(onChange) {
        this.text = this.option.value;
        this.isForgotten = true;
        this.show();
        onChange();
    }

    edited(onChange) {
        this.isForgotten = false;
        this.show();
        onChange();
    }

    show() {
        this.say(this.isChanged && !this.isForgotten ? complaint(this.option, this.text) : "");
        this.element.classList.toggle("changed", this.isChanged);
        const isLive = this.option.origin.source === "live";
        setHidden(this.toDefault, isSame(this.option, this.text, this.option.default));
        setHidden(this.toSource, !isLive || this.isForgotten);
    }

    say(text) {
        setText(this.error, text);
        this.control.setAttribute("aria-invalid", String(text !== ""));
    }

    matches(words) {
        const { name, help, more } = this.option;
        const text = `${name} ${help} ${more} ${helpOf(this.option).text}`.toLowerCase();
        return words.every((word) => text.includes(word));
    }
}
