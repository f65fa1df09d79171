"""JPEGs as cameras write them, told by their heads alone."""

_BASELINE, _SCAN = b"\xc0", b"\xda"
_MOST_HEADS, _MOST_BYTES = 8, 4096  # that are remembered, and of one
_PLAIN = frozenset({b"\xdb", b"\xc4", b"\xe0"})  # tables, and the head of JFIF

_plain_heads: dict[tuple[int, int], tuple[bytes, ...]] = {}
"""By height and width, heads that were walked and found plain: cameras and programs repeat them."""


def is_plain_jpeg(content: bytes, height: int, width: int) -> bool:
    """Tell whether a file's head is that of a baseline JPEG of three colours and of this size.

    Its segments are walked up to the first scan. Whatever is unusual (another process, precision or
    number of colours, profiles, several pictures in one file) makes it not plain.

    Parameters
    ----------
    content
        The file.
    height, width
        The size, in pixels.
    """
    known = _plain_heads.get((height, width), ())
    if content.startswith(known):
        return True
    if content[:2] != b"\xff\xd8":
        return False
    framed, place = False, 2
    while content[place : place + 1] == b"\xff":
        marker = content[place + 1 : place + 2]
        if marker == _SCAN:
            if framed and len(known) < _MOST_HEADS and place < _MOST_BYTES:
                _plain_heads[height, width] = (*known, content[: place + 2])
            return framed
        length = int.from_bytes(content[place + 2 : place + 4])
        if marker == _BASELINE:
            head = content[place + 4 : place + 10]
            framed = head == b"\x08%c%c%c%c\x03" % (*divmod(height, 256), *divmod(width, 256))
        elif marker not in _PLAIN or length < 2:
            return False
        place += 2 + length
    return False
