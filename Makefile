# Every target sets up what it needs: a fresh clone needs Python 3.11+, make and git, nothing else.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: setup demo test lint bench clean
setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "harness needs Python 3.11, 3.12 or 3.13 on the PATH" >&2; exit 4; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/harness run pdns2_2024

# In parallel as far as two cores allow: most tests wait for processes that hardly use a core. Tests
# that measure time run three stacks of processes at once, or two of containers.
test: setup
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --ignore=tests/mutants --ignore=tests/compose
	$(BIN)/python -m pytest -n 3 --maxschedchunk 1 tests/mutants
	$(BIN)/python -m pytest -n 2 --maxschedchunk 1 tests/compose

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks

clean:
	-@test ! -x $(BIN)/harness || { $(BIN)/harness down; $(BIN)/harness heal; }
	rm -rf .venv build runs .harness *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
