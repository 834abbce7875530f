"""What schemathesis does not know by itself."""

import json
import uuid

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def json_lines(ctx, value):
    """One JSON value in a line; what is no list is a line by itself."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", errors="surrogatepass")
    lines = value if isinstance(value, list) else [value]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@schemathesis.hook
def map_headers(ctx, headers):
    """A key of its own for each request that has a good one: the same key is the same answer, also
    when what was made then is deleted by now."""
    key = (headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and key.isascii() and key.isalnum():
        headers["Idempotency-Key"] = str(uuid.uuid4())
    return headers
