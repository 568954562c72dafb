# Every target does its own set-up: a clone needs Python >= 3.11, make and git, and nothing else.

VENV    := .venv
PY      := $(VENV)/bin/python
READY   := $(VENV)/.ready
PIP     := $(PY) -m pip --disable-pip-version-check
# The book, or with EDITION=student the book without solutions, in a folder of its own.
EDITION ?= full
HTML    := $(if $(filter student,$(EDITION)),_build/student/,)_build/html
PORT    ?= 8000
TORCH   := $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt)
# The one wheel index this book names. Without it, pip would bring gigabytes of CUDA along.
CPU_INDEX := https://download.pytorch.org/whl/cpu

# One thread of linear algebra for each of pytest's workers, or they stand in each other's way.
PYTEST  := OMP_NUM_THREADS=1 $(PY) -m pytest -q -p no:cacheprovider
WORKERS := -n auto --dist loadscope
LABS    := --nbval-lax --nbval-current-env --nbval-cell-timeout=300

.DEFAULT_GOAL := help
.PHONY: help setup book pdf test test-full serve labs coursework records bench lint lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install the pinned packages (every target does this when needed)

# The first interpreter that is new enough and can make an environment; PYTHON=... overrides.
$(READY): requirements.txt constraints.txt pyproject.toml
	@set -e; for python in $(PYTHON) python3 python3.12 python3.13 python3.11 python3.14 python; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    found=$$python; "$$python" -c 'import ensurepip, venv' 2>/dev/null && break || python=; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "This book needs Python 3.11 or newer; none was found on PATH (try: make PYTHON=/path/to/python3)." >&2; exit 1; \
	elif [ -z "$$python" ] || ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version)"; "$$python" -m venv $(VENV)
	$(PIP) install -q --retries 0 --timeout 15 --extra-index-url $(CPU_INDEX) -c constraints.txt $(TORCH)
	$(PIP) install -q -c constraints.txt -r requirements.txt
	$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

book: $(READY) ## execute every chapter and build the book, strictly (EDITION=student: no solutions)
	@EDITION=$(EDITION) $(PY) _theme/build.py

pdf: book ## print the book as one PDF with contents and outline, by a Chromium or Chrome
	@EDITION=$(EDITION) $(PY) _theme/print_edition.py

test: $(READY) ## unit, statistical and notebook tests, the strict build, one pass of the browser
	$(PYTEST) $(WORKERS) $(LABS) -m "not full and not build and not browser" tests src/glorot _theme $(wildcard notebooks) coursework
	@$(MAKE) --no-print-directory book EDITION=full
	$(PYTEST) $(WORKERS) -m "(build or browser) and not full" tests/book tests/browser

test-full: book ## the rest: every page x theme x width, chapters against mutated packages
	$(PYTEST) -n auto --dist loadgroup -m full tests

serve: book ## preview the book on http://localhost:8000 (PORT=... for another)
	$(PY) -m http.server --bind 127.0.0.1 --directory $(HTML) $(PORT)

labs: $(READY) ## open the labs in JupyterLab
	$(PY) -m jupyterlab notebooks

SEED    ?= 0

coursework: $(READY) ## make student releases and autograder archives (SEED=... draws other private inputs)
	CPU_INDEX=$(CPU_INDEX) $(PY) coursework/build.py --seed $(SEED)

RECORDS := samples table1 saturation activations gradients error-curves svm tapering schemes trainability remedies coordinate-check transformer
JOBS    ?= 2

records: $(READY) ## make the records of the long runs anew (hours; JOBS=... processes)
	for name in $(RECORDS); do $(PY) -m glorot.cli reproduce $$name --scale laptop --workers $(JOBS) || exit; done

bench: $(READY) ## benchmarks: ours against what a user would write instead; kept in _build/bench
	$(PY) -m benchmarks

lint: $(READY) ## format the code, check its style, its types and the workflows
	$(PY) -m ruff format .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/zizmor --offline --quiet --persona pedantic .github

lock: $(READY) ## renew constraints.txt from what is installed
	@$(PY) _theme/lock.py > constraints.new && mv constraints.new constraints.txt
	@touch $(READY)

clean: ## remove what the builds made (the environment stays)
	rm -rf _build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
