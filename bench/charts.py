"""charts.py - charts as SVG, written by hand: they diff, and need no library.

A bar chart is a list of groups (title, [(label, median, low, high), ...]); bars are horizontal, the spread
is a whisker, the number stands behind it. A line chart has a logarithmic x axis and y from 0.
"""

import math
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
    return picture(y, out)


def picture(height, parts, style=STYLE):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img"><style>{style}</style>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


PLOT = {"left": 70, "right": WIDTH - 150, "top": 50, "bottom": 320}
LINES = ["#2f7d4f", "#c78a3b", "#4a6fa5", "#9b4a6f"]


def step_of(top):
    """A round step that cuts 0..top into four to ten."""
    power = 10 ** math.floor(math.log10(top / 4))
    return next(power * n for n in (1, 2, 5, 10) if top / (power * n) <= 10)


def grid(xs, top, place):
    low, high = math.log10(min(xs)), math.log10(max(xs))
    out = []
    for decade in range(math.ceil(low), math.floor(high) + 1):
        x, _ = place(10**decade, 0)
        out.append(
            f'<path d="M{x:.1f} {PLOT["top"]}V{PLOT["bottom"]}" stroke="#8884"/>'
            f'<text x="{x:.1f}" y="{PLOT["bottom"] + 18}" text-anchor="middle">10'
            f'<tspan dy="-5" font-size="9">{decade}</tspan></text>'
        )
    value, step = 0, step_of(top)
    while value <= top:
        _, y = place(xs[0], value)
        out.append(
            f'<path d="M{PLOT["left"]} {y:.1f}H{PLOT["right"]}" stroke="#8884"/>'
            f'<text x="{PLOT["left"] - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
        value += step
    return out


def lines(title, xs, series):
    """The SVG text of one line chart; `series` are (label, values), as long as `xs`."""
    top = max(max(values) for _, values in series) * 1.05
    low, high = math.log10(min(xs)), math.log10(max(xs))

    def place(x, y):
        across = (math.log10(x) - low) / (high - low)
        return (
            PLOT["left"] + across * (PLOT["right"] - PLOT["left"]),
            PLOT["bottom"] - y / top * (PLOT["bottom"] - PLOT["top"]),
        )

    out = [f'<text class="t" x="12" y="24">{escape(title)}</text>', *grid(xs, top, place)]
    for (label, values), ink in zip(series, LINES):
        points = [place(x, y) for x, y in zip(xs, values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{ink}"/>' for x, y in points]
        x, y = points[-1]
        out.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" style="fill:{ink}">{escape(label)}</text>')
    return picture(PLOT["bottom"] + 36, out)


PANEL, PANEL_GAP = 110, 34


def panel(top, minutes, name, values, marks):
    """One row of a timeline, and where it ends."""
    highest = max(max(values) * 1.05, 1e-9)
    across = (PLOT["right"] + 90 - PLOT["left"]) / max(minutes[-1], 1e-9)
    bottom = top + PANEL

    def x(minute):
        return PLOT["left"] + minute * across

    points = " ".join(
        f"{x(m):.1f},{bottom - v / highest * PANEL:.1f}" for m, v in zip(minutes, values)
    )
    out = [f'<text class="g" x="{PLOT["left"]}" y="{top - 6}">{escape(name)}</text>']
    value, step = 0, step_of(highest) * 2
    while value <= highest:
        y = bottom - value / highest * PANEL
        out.append(
            f'<path d="M{PLOT["left"]} {y:.1f}H{x(minutes[-1]):.1f}" stroke="#8884"/>'
            f'<text x="{PLOT["left"] - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
        value += step
    mark = f'V{bottom}" stroke="{LINES[1]}" stroke-dasharray="3 3"/>'
    out += [f'<path d="M{x(m):.1f} {top}{mark}' for m in marks]
    out.append(f'<polyline points="{points}" fill="none" stroke="{LINES[0]}" stroke-width="1.5"/>')
    return out, bottom + PANEL_GAP


def timeline(title, minutes, panels, marks):
    """The SVG text of panels (name, values) one above the other, over the same minutes, with marks at
    some moments."""
    out, top = [f'<text class="t" x="12" y="24">{escape(title)}</text>'], TOP + 16
    for name, values in panels:
        parts, top = panel(top, minutes, name, values, marks)
        out += parts
    last = minutes[-1]
    step = step_of(last) if last else 1
    across = (PLOT["right"] + 90 - PLOT["left"]) / max(last, 1e-9)
    for n in range(int(last / step) + 1):
        x = PLOT["left"] + n * step * across
        out.append(
            f'<text x="{x:.1f}" y="{top - PANEL_GAP + 18}" text-anchor="middle">{n * step:g}</text>'
        )
    out.append(f'<text class="n" x="{PLOT["right"] + 100}" y="{top - PANEL_GAP + 18}">min</text>')
    return picture(top, out)
