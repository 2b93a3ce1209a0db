"""dashboard_picture.py - the Grafana dashboard as an SVG: each panel where Grafana puts it, with its
title and what it asks for. Used by monitoring_docs.py.

A band is as high as its longest query needs. The selector that all queries have, and muster_ of the
metrics, are left out of the picture; that is said once.
"""

import re
from html import escape

COLUMN_PX, GAP_PX, PADDING_PX = 50, 8, 10
TITLE_PX, LINE_PX, ROW_PX = 22, 13, 34
CHARACTER_PX = 6.4  # of a query
SELECTOR = 'job=~"$job",instance=~"$instance"'
SELECTORS = (f"{{{SELECTOR}}}", f"{SELECTOR},", f",{SELECTOR}")  # alone, before others, behind them
PREFIX = re.compile(r"\bmuster_")
PIECE = re.compile(r"(?:\$__rate_interval|[^ _,(\[{])*[ _,(\[{]?")  # what stays in one line
HEAD = f"Left out of every query: {{{SELECTOR}}}, and muster_ of its metrics."
STYLE = """
text { font-family: system-ui, sans-serif; font-size: 13px; fill: #1f2933 }
.row { font-weight: 600; font-size: 15px }
.title { font-weight: 600 }
.query { font-family: ui-monospace, DejaVu Sans Mono, Menlo, monospace; font-size: 10.5px; fill: #52606d }
.page { fill: #f4f5f7 }
.panel { fill: #fff; stroke: #d5d9de }
"""


def _short(expression):
    """A query without line breaks and what HEAD names."""
    text = " ".join(expression.split())
    for selector in SELECTORS:
        text = text.replace(selector, "")
    return PREFIX.sub("", text)


def _wrap(text, columns):
    """Lines of at most so many characters where pieces allow it, indented after the first."""
    lines = [""]
    for piece in PIECE.findall(text):
        if len(lines[-1]) + len(piece.rstrip()) > columns and lines[-1].strip():
            lines.append("  ")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _wrapped(panel):
    """Lines of a panel's queries."""
    columns = int((panel["gridPos"]["w"] * COLUMN_PX - GAP_PX - 2 * PADDING_PX) / CHARACTER_PX)
    return [line for target in panel["targets"] for line in _wrap(_short(target["expr"]), columns)]


def _bands(panels):
    """Panels that begin at the same height, from the top."""
    tops = sorted({panel["gridPos"]["y"] for panel in panels})
    return [[p for p in panels if p["gridPos"]["y"] == top] for top in tops]


def _text(kind, x, y, text):
    return f'<text class="{kind}" x="{x}" y="{y}" xml:space="preserve">{escape(text)}</text>'


def _panel(panel, lines, top, height):
    at = panel["gridPos"]
    left, width = at["x"] * COLUMN_PX + GAP_PX, at["w"] * COLUMN_PX - GAP_PX
    yield f'<rect class="panel" x="{left}" y="{top}" width="{width}" height="{height}" rx="4"/>'
    yield _text("title", left + PADDING_PX, top + TITLE_PX - 4, panel["title"])
    for n, line in enumerate(lines):
        yield _text("query", left + PADDING_PX, top + TITLE_PX + (n + 1) * LINE_PX, line)


def picture(dashboard):
    """The SVG's text."""
    drawn, top = [_text("title", GAP_PX, TITLE_PX, dashboard["title"] + ". " + HEAD)], ROW_PX
    for band in _bands(dashboard["panels"]):
        if band[0]["type"] == "row":
            drawn.append(_text("row", GAP_PX, top + TITLE_PX, band[0]["title"]))
            top += ROW_PX
            continue
        queries = [_wrapped(panel) for panel in band]
        height = TITLE_PX + max(map(len, queries)) * LINE_PX + PADDING_PX
        for panel, lines in zip(band, queries):
            drawn.extend(_panel(panel, lines, top, height))
        top += height + GAP_PX
    width = 24 * COLUMN_PX + GAP_PX
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}"'
        f' viewBox="0 0 {width} {top}" role="img" aria-label="Panels of the dashboard">',
        f"<style>{STYLE}</style>", f'<rect class="page" width="{width}" height="{top}"/>',
        *drawn, "</svg>", ""])
