"""Which files of a data set are images, which are lists, and which are neither: by their names."""

import re

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
LIST_SUFFIXES = frozenset({".csv", ".txt"})
STRAY = re.compile(
    r"(?i)(^|/)"
    r"(\.DS_Store|Thumbs\.db|desktop\.ini|Icon\r|\._[^/]*|__MACOSX(/.*)?|[^/]*\.sw[a-p]|[^/]*~)$"
)
"""Files that desktops and editors leave behind: named, never read."""
