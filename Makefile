# Upkeep. Only Python 3.11 to 3.13 and make are assumed; uv is used when it is there.

PORT ?= 8000
VAR ?= $(CURDIR)/var
export PORT VAR BACKUPS RESTART RESET

# Every process would compile the project anew.
export PYTHONDONTWRITEBYTECODE :=

# A third of the time tests wait for servers: one more of them than cores, and no more than four.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ $$n -gt 3 ] && echo 4 || echo $$((n + 1)))

PY := .venv/bin/python
RUN := .venv/.ready-to-run
DEV := .venv/.ready-to-develop

.DEFAULT_GOAL := help
.PHONY: help run demo test check stripe-smoke bench bench-peers lock backup upgrade soak

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22
	@echo "  PORT=8001 moves the web port, VAR=folder the state (now $(VAR))."

run: $(RUN) ## Start everything on http://127.0.0.1:8000; Ctrl-C stops everything
	@$(PY) -m deploy.local --while-parent-lives

test: $(DEV) ## Run the tests (ARGS="-k keys" narrows them)
	@$(PY) -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

check: $(DEV) ## What CI runs: format, lint, types, contracts, tests
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy
	.venv/bin/lint-imports
	@$(MAKE) --no-print-directory test

soak: $(DEV) ## The random machines, storms and raw bytes, for long (over an hour)
	@PROTOCOL_EXAMPLES=300 PROTOCOL_STEPS=60 MACHINE_EXAMPLES=500 DESK_EXAMPLES=500 CLOCK_CASES=100000 \
		SOAK_SECONDS=600 STORM=5 $(PY) -m pytest \
		tests/gate/test_protocol.py tests/billing/test_machine.py tests/support/test_machine.py tests/support/test_due.py \
		tests/gate/test_storms.py tests/gate/test_storms_of_time.py tests/edge/test_http.py

stripe-smoke: $(DEV) ## Walk the journey of money at real Stripe in test mode (STRIPE_SECRET_KEY=sk_test_...)
	@$(PY) -m tests.stripe.smoke

bench: $(DEV) ## Measure the gate (into docs/performance.md) and the advice on capacity
	@PYTHONPATH=. $(PY) bench/gate.py
	@PYTHONPATH=. $(PY) bench/regret.py

bench-peers: $(DEV) ## Measure the gate beside every peer that can be had, and a month's end
	@PYTHONPATH=. $(PY) bench/gate.py --all
	@PYTHONPATH=. $(PY) bench/month.py

backup: $(RUN) ## Back up the database into BACKUPS (VAR/backups)
	@$(PY) -m deploy.backup $(or $(BACKUPS),$(VAR)/backups)

upgrade: ## Back up, install this version, migrate; RESTART=command restarts, and health is checked
	@deploy/upgrade

lock: ## Resolve the dependencies anew and export the pinned lists (needs uv)
	uv lock
	uv export --quiet --frozen --no-dev --output-file requirements.txt
	uv export --quiet --frozen --only-dev --output-file requirements-dev.txt

demo: VAR := $(if $(filter file,$(origin VAR)),$(CURDIR)/var/demo,$(VAR))
demo: $(RUN) ## The same with ninety days of history, in var/demo (RESET=1 begins anew)
	@$(PY) -m demo --while-parent-lives

$(RUN): requirements.txt deploy/venv deploy/upkeep
	@deploy/venv requirements.txt
	@cp deploy/upkeep .venv/bin/upkeep
	@touch $@

$(DEV): requirements-dev.txt $(RUN)
	@deploy/venv requirements-dev.txt
	@touch $@
