"""Contents and .torrent files: v1, hybrid and v2-only, of one file each, always private."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

import bencode

PIECE_BYTES = 64 * 1024
BLOCK_BYTES = 16 * 1024


@dataclass(frozen=True)
class Torrent:
    """A torrent's info dictionary and content; `write` makes one user's .torrent of it."""

    name: str
    content: bytes
    info: dict
    piece_layers: dict
    v1_hash: str | None
    v2_hash: str | None

    @property
    def size(self):
        """Bytes of the content."""
        return len(self.content)

    @property
    def info_hash(self):
        """The hash, in hex, that names the torrent: v1, or v2 truncated to 20 bytes (BEP 52)."""
        return self.v1_hash or self.v2_hash[:40]

    @property
    def wire_hashes(self):
        """Every hash, in hex, under which clients announce it."""
        hashes = [self.v1_hash, self.v2_hash and self.v2_hash[:40]]
        return [h for h in hashes if h]

    def write(self, path, announce_urls):
        """Writes a .torrent with one tier of trackers per URL."""
        metainfo = {"info": self.info}
        if announce_urls:
            metainfo["announce"] = announce_urls[0]
        if len(announce_urls) > 1:
            metainfo["announce-list"] = [[url] for url in announce_urls]
        if self.piece_layers:
            metainfo["piece layers"] = self.piece_layers
        Path(path).write_bytes(bencode.encode(metainfo))
        return Path(path)

    def write_content(self, directory):
        """Puts the content where a client that saves to `directory` looks for it."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        (Path(directory) / self.name).write_bytes(self.content)


def make_torrent(seed, size, version="v1"):
    """A torrent of `size` random bytes; equal seeds give equal torrents."""
    content = random.Random(seed).randbytes(size)
    name = "content.bin"
    info = {"name": name, "piece length": PIECE_BYTES, "private": 1}
    layers = {}
    if version in ("v1", "hybrid"):
        pieces = (content[i : i + PIECE_BYTES] for i in range(0, size, PIECE_BYTES))
        info["length"] = size
        info["pieces"] = b"".join(hashlib.sha1(piece).digest() for piece in pieces)
    if version in ("v2", "hybrid"):
        root, layer = merkle(content)
        info["meta version"] = 2
        info["file tree"] = {name: {"": {"length": size, "pieces root": root}}}
        layers = {root: layer}
    encoded = bencode.encode(info)
    return Torrent(
        name=name,
        content=content,
        info=info,
        piece_layers=layers,
        v1_hash=hashlib.sha1(encoded).hexdigest() if version != "v2" else None,
        v2_hash=hashlib.sha256(encoded).hexdigest() if version != "v1" else None,
    )


def merkle(content):
    """The pieces root of a file of more than one piece and its piece layer (BEP 52)."""
    if len(content) <= PIECE_BYTES:
        raise ValueError("a file of one piece has no piece layer")
    blocks_per_piece = PIECE_BYTES // BLOCK_BYTES
    leaves = [
        hashlib.sha256(content[i : i + BLOCK_BYTES]).digest()
        for i in range(0, len(content), BLOCK_BYTES)
    ]
    zero = bytes(32)
    layer = []
    for start in range(0, len(leaves), blocks_per_piece):
        piece = leaves[start : start + blocks_per_piece]
        layer.append(fold(piece + [zero] * (blocks_per_piece - len(piece))))
    padding = fold([zero] * blocks_per_piece)
    width = 1
    while width < len(layer):
        width *= 2
    return fold(layer + [padding] * (width - len(layer))), b"".join(layer)


def fold(row):
    """The root of a binary tree over a row whose length is a power of two."""
    while len(row) > 1:
        row = [hashlib.sha256(row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0]
