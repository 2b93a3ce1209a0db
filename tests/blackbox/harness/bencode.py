"""Strict bencode: what no client may have to forgive is an error here (protocol.md C1..C5)."""

INT_MAX = 2147483647


class BencodeError(ValueError):
    """The bytes are not the one canonical form of their value."""


def decode(data):
    """The value of `data`: int, bytes, list or dict with bytes keys. All of `data` must be used."""
    value, used = _value(bytes(data), 0, 0)
    if used != len(data):
        raise BencodeError(f"{len(data) - used} bytes after the value: {data[used:used + 40]!r}")
    return value


def _value(data, at, depth):
    if depth > 4:
        raise BencodeError("nested deeper than 4 (C8)")
    lead = data[at:at + 1]
    if lead == b"i":
        return _int(data, at)
    if lead == b"l":
        return _list(data, at, depth)
    if lead == b"d":
        return _dict(data, at, depth)
    if lead.isdigit():
        return _bytes(data, at)
    raise BencodeError(f"no value at {at}: {data[at:at + 20]!r}")


def _digits(text, at):
    if not text.isdigit() or (len(text) > 1 and text[:1] == b"0"):
        raise BencodeError(f"bad number {text!r} at {at}")
    return int(text)


def _until(data, at, end):
    stop = data.find(end, at, at + 24)
    if stop < 0:
        raise BencodeError(f"no {end!r} after {at}")
    return data[at:stop], stop + 1


def _int(data, at):
    text, after = _until(data, at + 1, b"e")
    value = _digits(text, at)
    if value > INT_MAX:
        raise BencodeError(f"integer {value} is out of clients' range (C5)")
    return value, after


def _bytes(data, at):
    text, start = _until(data, at, b":")
    length = _digits(text, at)
    if start + length > len(data):
        raise BencodeError(f"string at {at} is cut off")
    return data[start:start + length], start + length


def _list(data, at, depth):
    values, at = [], at + 1
    while data[at:at + 1] != b"e":
        value, at = _value(data, at, depth + 1)
        values.append(value)
    return values, at + 1


def _dict(data, at, depth):
    values, last, at = {}, None, at + 1
    while data[at:at + 1] != b"e":
        key, at = _bytes(data, at)
        if last is not None and key <= last:
            raise BencodeError(f"key {key!r} after {last!r} (C3)")
        last = key
        values[key], at = _value(data, at, depth + 1)
    return values, at + 1
