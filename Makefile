# Everything one does with this project. `make` alone prints the targets that have a line of help behind them.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach python,$(PYTHONS),$(shell $(python) -c $(USABLE) >/dev/null 2>&1 && echo $(python))))
PYTHONS := python3.11 python3.12 python3.13 python3.14 python3
USABLE := 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
CODE := service schemas tests

.DEFAULT_GOAL := help
.PHONY: help install run test check deploy-check format schemas publish dashboard bench faults fuzz growth lock clean

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.dev ## install everything, servers and tools for development too, into .venv

run: $(VENV)/.local ## start NATS, MongoDB and the service on this machine (ARGS="--data-dir DIR ...")
	@exec $(BIN)/svc-user dev $(ARGS)

# Two processes, each with servers of its own: a test mostly waits, be it for a server or for its end. On one NATS
# server the workers of one would take the requests of the other. In the order of the files: else the largest come first,
# and those that kill servers, with few tests that all wait, are left for the end together.
test: $(VENV)/.dev ## run the whole suite on real servers (ARGS="-k name" for a part of it, "-n 0" in one process)
	@$(BIN)/pytest --numprocesses $(if $(SVC_USER_TEST_NATS_URL),0,2) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev ## lint, formatting, types, Kubernetes' schemas, generated files in step, no caller broken
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/python -m service.catalogue --check
	@$(BIN)/python -m tests.deploy.manifests
	@$(BIN)/python deploy/grafana/dashboard.py --check
	@$(BIN)/pytest --quiet --no-header tests/monitor/test_rules.py

deploy-check: $(VENV)/.dev ## build and run what deploy/ describes, where a Docker engine answers
	@SVC_USER_TEST_DEPLOY=1 $(BIN)/pytest tests/deploy --timeout=900 -rs --log-cli-level=INFO $(ARGS)

format: $(VENV)/.dev ## put the code into its one format, and mend what the linter can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schemas: $(VENV)/.dev ## generate the catalogue and the client's methods from the operations
	@$(BIN)/python -m service.catalogue

dashboard: $(VENV)/.dev ## generate deploy/grafana/svc-user.json
	@$(BIN)/python deploy/grafana/dashboard.py

publish: $(VENV)/.dev ## keep the catalogue as a release's: later ones are compared with it
	@$(BIN)/python -m service.catalogue --publish

bench: $(VENV)/.dev ## measure throughput and latency on this machine (ARGS="..." goes to the benchmark)
	@$(BIN)/python -m tests.bench $(ARGS)
	@$(BIN)/python -m tests.bench.hierarchy

# A disk that can be filled takes root, if only in a namespace of its own.
faults: $(VENV)/.dev ## let workers and servers die under load, and flood a worker, in their long form
	@rooted=; [ "$$(id -u)" = 0 ] || ! unshare --map-root-user --mount true 2>/dev/null || \
		rooted="unshare --map-root-user --mount"; \
	SVC_USER_FAULT_ROUNDS=$${SVC_USER_FAULT_ROUNDS:-10} SVC_USER_FAULT_OUTAGE=$${SVC_USER_FAULT_OUTAGE:-60} \
		SVC_USER_FAULT_CLUSTER_ROUNDS=$${SVC_USER_FAULT_CLUSTER_ROUNDS:-2} \
		SVC_USER_FAULT_FREEZE=$${SVC_USER_FAULT_FREEZE:-10} \
		SVC_USER_FAULT_OVERLOAD=$${SVC_USER_FAULT_OVERLOAD:-60} \
		$$rooted $(BIN)/pytest tests/faults tests/privacy/test_killed.py tests/organisation/test_made_together.py --timeout=1800 --log-cli-level=INFO $(ARGS)

fuzz: $(VENV)/.fuzz ## fuzz a worker on real servers for SVC_USER_FUZZ_SECONDS (300), and keep what reached new code
	@$(BIN)/python -m tests.fuzz

growth: $(VENV)/.dev ## list the users of a partner that has a million of them
	@SVC_USER_TEST_USERS=$${SVC_USER_TEST_USERS:-1000000} $(BIN)/pytest tests/users/test_list_growth.py $(ARGS)

# Each lock is complete in itself, and the later ones hold the versions of the earlier: an image installs run.txt
# alone, or otel.txt to send traces too, a try-out local.txt, a developer dev.txt.
COMPILE = $(BIN)/uv pip compile pyproject.toml requirements/build.in --quiet --universal --generate-hashes \
	--python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"

lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(COMPILE) $(ARGS) --output-file requirements/run.txt
	@$(COMPILE) $(ARGS) --extra otel --constraint requirements/run.txt --output-file requirements/otel.txt
	@$(COMPILE) $(ARGS) --extra local --constraint requirements/run.txt --output-file requirements/local.txt
	@$(COMPILE) $(ARGS) --extra local --extra otel --extra dev --constraint requirements/local.txt \
		--constraint requirements/otel.txt --output-file requirements/dev.txt
	@$(COMPILE) $(ARGS) --extra local --extra otel --extra dev --extra fuzz \
		--constraint requirements/dev.txt --output-file requirements/fuzz.txt

clean: ## remove what the targets above have made, except data
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: what is installed stays so until a lock or the project's own description changes.
$(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "svc-user needs Python 3.11 or newer with its venv module (on Debian: apt install python3-venv)." \
			"Found none of: $(PYTHONS). Name one: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
