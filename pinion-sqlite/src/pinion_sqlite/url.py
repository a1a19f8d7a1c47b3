"""`sqlite:` URLs."""

from urllib.parse import parse_qsl, unquote, urlsplit

from pinion.codec import Codec
from pinion.errors import InvalidURL
from pinion.storage import Clock
from pinion_sqlite.storage import SqliteStorage

__all__ = ["open_storage"]

EXAMPLE = "sqlite:///jobs.db for a file in this folder, or sqlite:////var/lib/jobs.db for an absolute path"
OPTIONS = ("synchronous",)


def open_storage(
    url: str, *, codec: Codec | None = None, clock: Clock | None = None, create: bool = True
) -> SqliteStorage:
    """Open the file that the URL names: three slashes before a relative path, four before an absolute one.

    `?synchronous=normal` or `off` lets an insert return before it reached the disk.
    create: whether a file that isn't there is created. Raises InvalidURL, StorageError.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/") or path == "/":
        raise InvalidURL(f"{url!r} names no file; write {EXAMPLE}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise InvalidURL(f"{url!r} has an unknown option {unknown[0]!r}; there is: {', '.join(OPTIONS)}")
    synchronous = options.get("synchronous", "full").lower()
    return SqliteStorage(path[1:], codec=codec, clock=clock, synchronous=synchronous, create=create)
