"""As much of MessagePack as the tests need, under the name of the package that sites use."""

import struct


def packb(value):
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int() if value >= 0:
            return b"\xcf" + struct.pack(">Q", value)
        case int():
            return b"\xd3" + struct.pack(">q", value)
        case str():
            data = value.encode()
            return b"\xdb" + struct.pack(">I", len(data)) + data
        case list():
            return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(packb, value))
        case dict():
            parts = [packb(part) for pair in value.items() for part in pair]
            return b"\xdf" + struct.pack(">I", len(value)) + b"".join(parts)
    raise TypeError(type(value))


def unpackb(data):
    value, end = unpack(data, 0)
    if end != len(data):
        raise ValueError("bytes after the value")
    return value


NUMBERS = dict(zip(range(0xCC, 0xD4), "BHIQbhiq"))
LENGTHS = {0xD9: "B", 0xDA: "H", 0xDB: "I", 0xDC: "H", 0xDD: "I", 0xDE: "H", 0xDF: "I"}


def unpack(data, at):
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], at
    if first in NUMBERS:
        form = ">" + NUMBERS[first]
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if first in LENGTHS:
        form = ">" + LENGTHS[first]
        length = struct.unpack_from(form, data, at)[0]
        at += struct.calcsize(form)
    elif first < 0x90:
        length = first & 0x0F
    elif first < 0xA0:
        length = first & 0x0F
    else:
        length = first & 0x1F
    if 0xA0 <= first < 0xC0 or first in (0xD9, 0xDA, 0xDB):
        return data[at : at + length].decode(), at + length
    is_map = 0x80 <= first < 0x90 or first in (0xDE, 0xDF)
    items = []
    for _ in range(length * 2 if is_map else length):
        item, at = unpack(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if is_map else items), at
