/* editor.js - all options in their groups, and the changes made to them so far. */
import { byId, el, setHidden, setText } from "../base/dom.js";
import { hasText, t } from "../base/i18n.js";
import { Field } from "./field.js";

const groupTitle = ({ id, title }) => (hasText(`group.${id}`) ? t(`group.${id}`) : title);

export class Editor {
    constructor() {
        this.fields = new Map();
        this.groups = [];
        this.configFile = null;
        byId("filter").addEventListener("input", () => this.filter());
        byId("discard").addEventListener("click", () => this.discard());
    }

    /* The answer of GET /api/settings: first builds the page, later renews the values; what was
     * typed and not applied stays if `keepsEdits`. */
    load({ groups, options, config_file: configFile }, { keepsEdits }) {
        this.configFile = configFile ?? null;
        if (this.fields.size === 0) this.build(groups, options);
        else for (const option of options) this.fields.get(option.name)?.load(option, keepsEdits);
        this.changed();
    }

    build(groups, options) {
        for (const group of groups) {
            const members = options.filter((option) => option.group === group.id);
            if (members.length === 0) continue;
            const fields = members.map((option) => new Field(option, () => this.changed()));
            fields.forEach((field) => this.fields.set(field.option.name, field));
            const id = `group-${group.id}`;
            const link = el("a", { href: `#${id}` }, groupTitle(group));
            const section = el("section", { class: "panel", id, "aria-labelledby": `${id}-title` },
                el("h2", { id: `${id}-title` }, groupTitle(group)),
                ...fields.map((field) => field.element));
            byId("groups").append(link);
            byId("options").append(section);
            this.groups.push({ section, link, fields });
        }
    }

    get changes() {
        return [...this.fields.values()].filter((field) => field.isChanged);
    }

    /* {name: text or null} for POST /api/settings */
    get wanted() {
        return Object.fromEntries(this.changes.map((field) => [field.option.name, field.wanted]));
    }

    changed() {
        const changes = this.changes;
        setHidden(byId("changes"), changes.length === 0);
        setText(byId("change-count"), t("settings.n_changes", { n: changes.length }));
        byId("review").disabled = changes.some((field) => !field.isValid);
    }

    discard() {
        for (const field of this.changes) field.reset();
        this.changed();
    }

    /* What the tracker said, each at its field; the first one comes into view. */
    say(errors) {
        const wrong = Object.entries(errors).filter(([name]) => this.fields.has(name));
        for (const [name, text] of wrong) this.fields.get(name).say(text);
        if (wrong.length > 0) this.fields.get(wrong[0][0]).control.focus();
        this.changed();
    }

    filter() {
        const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
        let found = 0;
        for (const { section, link, fields } of this.groups) {
            const matching = fields.filter((field) => field.matches(words));
            fields.forEach((field) => setHidden(field.element, !matching.includes(field)));
            setHidden(section, matching.length === 0);
            setHidden(link, matching.length === 0);
            found += matching.length;
        }
        setHidden(byId("no-match"), found > 0);
    }
}
