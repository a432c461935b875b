"""A full disk: told apart from every other failure, whatever library ran into it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_WORDS = ("No space left on device", "Disk quota exceeded", "File too large", "os error 28")  # where no number is kept
_PROBE = 64 * 1024  # bytes
_WIDTH = 300  # characters of a message that are shown


class NoRoom(Exception):
    """There is no room to write; the message says where, and what the system said."""


def no_room_in(folder: Path, error: BaseException) -> NoRoom:
    """The exception for a folder that an error, with the system's words, showed to be full."""
    said = " ".join(str(error).split())[:_WIDTH]
    return NoRoom(
        f"no room while writing to {str(folder)!r}: {said}. What was there stays; make room, then give the same "
        "command again."
    )


@contextmanager
def watching_room(folder: Path) -> Iterator[None]:
    """Turn the errors that come of a full disk into `NoRoom`. Libraries hide the system's number behind errors of their
    own: where the block fails, it is tried whether `folder` still takes a little."""
    try:
        yield
    except NoRoom:
        raise
    except Exception as error:
        if _says_so(error) or not _takes_more(folder):
            raise no_room_in(folder, error) from error
        raise


def _says_so(error: BaseException) -> bool:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return any(
        (isinstance(one, OSError) and one.errno in FULL) or any(word in str(one) for word in _WORDS) for one in chain
    )


def _takes_more(folder: Path) -> bool:
    probe = folder / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(os.urandom(_PROBE))
    except OSError as error:
        return error.errno not in FULL
    finally:
        probe.unlink(missing_ok=True)
    return True
