"""Toxiproxy, built from its source at exactly the version that the Compose file names."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.errors import StackError, UsageError

from ._builder import ImageBuilder, context
from ._official import ensure_image

VERSION = "2.12.0"
TAG = f"ghcr.io/shopify/toxiproxy:{VERSION}"
_MODULE = "github.com/Shopify/toxiproxy/v2"
_RECIPE = f"toxiproxy-{VERSION}-1"

_DOCKERFILE = b"""\
FROM scratch
COPY toxiproxy /toxiproxy
EXPOSE 8474
ENTRYPOINT ["/toxiproxy"]
CMD ["-host=0.0.0.0"]
"""


def ensure_toxiproxy(builder: ImageBuilder) -> None:
    """Provide the Toxiproxy image."""
    ensure_image(builder, TAG, _RECIPE, lambda: _build(builder))


def _build(builder: ImageBuilder) -> None:
    if shutil.which("go") is None:
        raise UsageError(
            f"images build: without a registry, {TAG} is built with Go; install Go 1.22 or newer"
        )
    with tempfile.TemporaryDirectory(prefix="outage-harness-") as folder:
        command = [
            "go", "install", "-ldflags", f"-s -w -X {_MODULE}.Version={VERSION}",
            f"{_MODULE}/cmd/server@v{VERSION}",
        ]  # fmt: skip
        builder.write(f"{TAG}: {' '.join(command)}")
        # Static, because the image contains nothing else.
        done = subprocess.run(
            command, check=False, capture_output=True, text=True,
            env=os.environ | {"GOBIN": folder, "CGO_ENABLED": "0"},
        )  # fmt: skip
        if done.returncode:
            raise StackError(f"go install of Toxiproxy failed: {done.stderr.strip()[-500:]}")
        files: dict[str, Path | bytes] = {"Dockerfile": _DOCKERFILE}
        files["toxiproxy"] = Path(folder, "server")
        builder.build(context(files), TAG, recipe=_RECIPE)
