"""Bencoding (BEP 3), as little of it as the tests need."""


def encode(value):
    """The canonical encoding of an int, bytes, str, list or dict with bytes or str keys."""
    if isinstance(value, bool):
        raise TypeError("bencoding has no booleans")
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(encode(item) for item in value) + b"e"
    if isinstance(value, dict):
        items = {k.encode() if isinstance(k, str) else k: v for k, v in value.items()}
        body = b"".join(encode(key) + encode(items[key]) for key in sorted(items))
        return b"d" + body + b"e"
    raise TypeError(f"cannot be bencoded: {type(value).__name__}")
