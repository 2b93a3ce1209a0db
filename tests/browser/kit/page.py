"""What a test does with a page, beyond what every page has."""


def lit_pixels(browser, canvas):
    """How many pixels of a canvas are not empty."""
    return browser.script(
        "const c = document.getElementById(arguments[0]);"
        "const copy = new OffscreenCanvas(c.width, c.height);"
        "const pen = copy.getContext('2d', {willReadFrequently: true});"
        "pen.drawImage(c, 0, 0);"
        "const d = pen.getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 0) n++; return n;", canvas)


def retype(browser, selector, text):
    field = browser.wait(selector)
    field.clear()
    field.send_keys(text)
