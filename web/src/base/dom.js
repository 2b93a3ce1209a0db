/* dom.js - building and updating elements. Text is always set as text: what a client or a file
 * says can never become markup. */

/* el("button", { type: "button", class: "quiet", onclick: f }, "Copy", child...) */
export function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

function setAttribute(element, name, value) {
    if (value === null || value === undefined || value === false) return;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
}

export const byId = (id) => document.getElementById(id);

/* Writes only what differs, so that selections and screen readers are left in peace. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

export function setHidden(element, isHidden) {
    if (element.hidden !== isHidden) element.hidden = isHidden;
}

/* A share of a bar, 0..1, as the custom property that the style sheet draws it from. */
export function setShare(element, share) {
    const bounded = Math.min(1, Math.max(0, share || 0));
    element.style.setProperty("--share", bounded.toFixed(4));
}

/* Makes the rows of `body` those of `rows`, in order, each an array of cells: text, or
 * { text, share } for a bar behind it, or { text, code: true }. Elements are reused by place. */
export function syncRows(body, rows, { heading = true } = {}) {
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((cells, i) => {
        const row = body.rows[i] ?? body.insertRow();
        cells.forEach((cell, column) => syncCell(row, column, cell, heading));
        while (row.cells.length > cells.length) row.deleteCell(-1);
    });
}

function syncCell(row, column, cell, heading) {
    const { text, share, code, title } = typeof cell === "object" ? cell : { text: cell };
    const element = row.cells[column] ?? row.appendChild(newCell(column === 0 && heading));
    setText(element, text);
    element.classList.toggle("code", code === true);
    element.classList.toggle("bar", share !== undefined);
    if (share !== undefined) setShare(element, share);
    if (title) element.title = title;
}

function newCell(isHeading) {
    return isHeading ? el("th", { scope: "row" }) : el("td");
}
