#!/usr/bin/env python3
"""Draw terminal output as an SVG: `... | terminal_svg.py TITLE > picture.svg`.

Lines starting with `$ ` are what was typed. The README's pictures are made with it."""
import html
import sys

CHAR_PX, LINE_PX, PAD_PX, BAR_PX = 8.4, 19, 16, 34
COLOURS = {"typed": "#e6edf3", "said": "#9fb3c8", "warn": "#e3b341"}


def kind_of(line):
    if line.startswith("$ "):
        return "typed"
    return "warn" if " warn " in line else "said"


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else "muster"
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width = int(max(map(len, lines)) * CHAR_PX + 2 * PAD_PX)
    height = len(lines) * LINE_PX + BAR_PX + PAD_PX
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          f'viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>')
    for i, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        print(f'<circle cx="{PAD_PX + 4 + i * 18}" cy="17" r="5" fill="{colour}"/>')
    print('<g font-family="ui-monospace, DejaVu Sans Mono, Menlo, monospace" font-size="14" '
          'xml:space="preserve">')
    for i, line in enumerate(lines):
        y = BAR_PX + (i + 1) * LINE_PX - 5
        print(f'<text x="{PAD_PX}" y="{y}" fill="{COLOURS[kind_of(line)]}">{html.escape(line)}</text>')
    print("</g></svg>")


if __name__ == "__main__":
    main()
