# Every target sets up what it needs on a machine with Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORPUS ?=
SAM    ?= sam
ARGS   ?=
PYTHON312 ?= python3.12
PIP_TOOLS := 7.6.2
ATHERIS   := 3.0.0
FUZZ_SECONDS ?= 3600

.PHONY: setup demo test test-long check format bench conformance conformance-benign fuzz clean \
        build/aws build/gcp build/azure deploy-aws deploy-gcp deploy-azure lock

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --ignore-requires-python azure-functions-runtime==1.3.0
	touch $@

demo: setup
	$(BIN)/python -m demo

test: setup
	$(BIN)/python -m pytest

test-long: setup
	$(BIN)/python -m pytest -m "long or not long"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m bench

conformance: setup
	@test -n "$(CORPUS)" || { echo "usage: make conformance CORPUS=<folder of case sets>" >&2; exit 2; }
	$(BIN)/python -m tests.conformance "$(CORPUS)"

# Downloads what tests/conformance/benign.tsv pins, with pip, npm and apt-get, into build/benign.
conformance-benign: setup
	$(BIN)/python -m tests.conformance.benign
	$(BIN)/python -m tests.conformance.benign_pickles

# libFuzzer against the inspection engine, in an environment of its own; `make fuzz FUZZ_SECONDS=60` for a look.
fuzz: build/tools/atheris/.ready
	mkdir -p build/fuzz
	build/tools/atheris/bin/python -m tests.inspect.fuzz_atheris build/fuzz/corpus -max_total_time=$(FUZZ_SECONDS) \
		-timeout=30 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 -artifact_prefix=build/fuzz/

build/tools/atheris/.ready: pyproject.toml
	$(PYTHON) -m venv build/tools/atheris
	build/tools/atheris/bin/python -m pip install --quiet -e . atheris==$(ATHERIS) py7zr
	touch $@

# A deployment is a folder: one cloud's handler and lock, and the core installed beside it, compiled for the Python that
# builds it and, where that is another one and on this machine, for the 3.12 that the functions run on.
build/aws build/gcp build/azure: setup
	rm -rf $@ && mkdir -p $@
	cp functions/$(@F)/*.* $(if $(filter azure,$(@F)),host.json) $@
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --no-compile --target $@ .
	rm -rf $@/bin
	PYTHONPATH=$@ $(BIN)/python -c 'from customhouse.scanners import malware, secrets_matcher; malware.precompile(); secrets_matcher.precompile()'
	$(BIN)/python -m compileall -q --invalidation-mode unchecked-hash $@
	if $(PYTHON312) -c '' 2>/dev/null; then $(PYTHON312) -m compileall -q --invalidation-mode unchecked-hash $@; fi

# ARGS go to `sam deploy`; the two scripts read the environment (docs/deploy-*.md).
deploy-aws: build/aws
	$(SAM) build
	$(PYTHON312) -m compileall -q --invalidation-mode unchecked-hash .aws-sam/build/Function
	$(SAM) deploy --stack-name customhouse --resolve-s3 --capabilities CAPABILITY_IAM $(ARGS)

deploy-gcp: build/gcp
	bash deploy/gcp/deploy.sh

deploy-azure: build/azure
	bash deploy/azure/deploy.sh

# The locks are for Python 3.12, which the three functions run on; the core itself is no part of them.
lock:
	$(PYTHON312) -m venv build/tools/pip-tools
	build/tools/pip-tools/bin/python -m pip install --quiet pip-tools==$(PIP_TOOLS)
	$(foreach cloud,aws gcp azure,$(call compile,$(cloud),--extra $(cloud) --extra vulnerabilities --extra signatures) &&) \
	$(call compile,container,--extra container --extra aws --extra gcp --extra azure --extra vulnerabilities --extra signatures)

compile = CUSTOM_COMPILE_COMMAND="make lock" build/tools/pip-tools/bin/pip-compile --quiet --upgrade \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	$(2) --output-file functions/$(1)/requirements.txt pyproject.toml

clean:
	rm -rf build .hypothesis .mypy_cache .ruff_cache .import_linter_cache
