"""Writes files whole: readers see the old file or the complete new one.

A folder of a run or of a stack may hold symbolic links that someone else put there. A file written
here replaces a link in its place and never changes the file to which the link points.
"""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

PRIVATE = 0o600
"""Mode of files with secrets: only the owner can read them."""


def write_file(path: Path, content: bytes | Iterable[bytes], *, mode: int = 0o666) -> None:
    """Write `content` to `path` by way of a new file beside it, which is then renamed.

    Args:
        path: the file.
        content: its bytes, whole or in pieces.
        mode: the permissions of the file, before the process's umask is applied.

    Raises:
        OSError: the folder is missing or cannot be written, or `path` is a folder.
    """
    # A name that nobody can guess, and that a crashed process has not left there either.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.draft")
    descriptor = os.open(draft, _FLAGS, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in [content] if isinstance(content, bytes) else content:
                file.write(piece)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
