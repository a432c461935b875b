"""Names that a call on the command line can hold, made of names that people gave."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z][a-z0-9_]*")


def slug(group: str) -> str:
    """A name that a call on the command line can hold: lower case, digits and underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", group.lower()).strip("_")
    return name if NAME.fullmatch(name) else f"group_{name}"
