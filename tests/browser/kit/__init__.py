"""What the browser tests stand on.

browser  headless Chromium: pages, console, axe-core, screenshots
page     looking at a canvas, typing into a field
fake     a server of the pages with made-up answers: states that a healthy tracker never shows
tracker  the real tracker with its pages, token and places; muster-bench as its clients
figures  the made-up answers themselves
"""
