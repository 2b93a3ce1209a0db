"""charts.py - bar charts as SVG, written by hand: they diff, and need no library.

One chart is a list of groups (title, [(label, median, low, high), ...]); bars are horizontal, the spread is
a whisker, the number stands behind it.
"""

from html import escape

WIDTH, LEFT, RIGHT = 860, 230, 110
BAR, GAP, HEAD, TOP = 18, 5, 30, 44
COLOURS = {"floor": "#9aa5b1", "muster": "#2f7d4f", "other": "#c78a3b"}
STYLE = (
    "text{font:12px sans-serif;fill:#222}.t{font:bold 15px sans-serif}.g{font:bold 12px sans-serif}"
    ".n{fill:#555}@media(prefers-color-scheme:dark){text{fill:#ddd}.n{fill:#aaa}}"
)


def colour(label):
    return COLOURS.get(label.split("_")[0].split(",")[0], COLOURS["other"])


def bar(y, row, scale):
    label, median, low, high = row
    x0, x1 = LEFT + low * scale, LEFT + high * scale
    middle = y + BAR / 2
    return [
        f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{median * scale:.1f}" height="{BAR}" rx="2" '
        f'fill="{colour(label)}"/>',
        f'<path d="M{x0:.1f} {middle}H{x1:.1f}M{x0:.1f} {middle - 4}v8M{x1:.1f} {middle - 4}v8" '
        'stroke="#444" fill="none"/>',
        f'<text class="n" x="{max(x1, LEFT + median * scale) + 6:.1f}" y="{y + 13}">'
        f"{median:.2f}</text>",
    ]


def bars(title, groups):
    """The SVG text of one chart; groups share the scale."""
    top = max(high for _, rows in groups for _, _, _, high in rows)
    scale = (WIDTH - LEFT - RIGHT) / top if top else 1
    y, out = TOP, [f'<text class="t" x="12" y="24">{escape(title)}</text>']
    for name, rows in groups:
        out.append(f'<text class="g" x="12" y="{y + 16}">{escape(name)}</text>')
        y += HEAD - 4
        for row in rows:
            out += bar(y, row, scale)
            y += BAR + GAP
        y += 8
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" role="img"><style>{STYLE}</style>'
    )
    return "\n".join([head, *out, "</svg>"]) + "\n"
