# Two commands do everything: `make demo` and `make test`. Variables: SEED, SOURCE, WEIGHTS, START_TIME, DETECTOR, PYTHON;
# SEEDS of `make demo-seeds`; SEED, SHORT, BREAK of `make chaos`; ONLY of `make bench`.
PYTHON ?= python3
DETECTOR ?= yolo
LOCK = requirements/$(if $(filter recorded,$(DETECTOR)),base,full).lock
VENV ?= .venv
# each has servers of its own (1.5 GB); most of a test's time is waiting, so more than there are cores
TEST_PROCESSES ?= 3
TRACKFOLD = $(VENV)/bin/trackfold

BENCHES = step codec sink queries console snapshots replay worker video inference

.PHONY: demo demo-seeds test test-fast chaos mutants eval soak bench lint up down status install lock clean

demo: install
	$(TRACKFOLD) demo --detector $(DETECTOR) $(if $(SEED),--seed $(SEED)) $(if $(SOURCE),--source "$(SOURCE)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(START_TIME),--start-time "$(START_TIME)")

demo-seeds: install
	$(VENV)/bin/python -m tests.evaluation.demo_seeds $(SEEDS)

test: install
	$(VENV)/bin/python -m pytest tests -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-fast: install
	$(VENV)/bin/python -m pytest tests/unit tests/property -m "not slow" -n auto

# the same input undisturbed and with everything going wrong, compared; SEED=n, SHORT=1, BREAK=order|guard|key|partitioner
chaos: install
	$(VENV)/bin/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(SHORT),--short) $(if $(BREAK),--break $(BREAK))

# how right the episodes are: tables and pictures, see docs/evaluation.md; ONLY=meva,pets REDO=1 DOCS=1
eval: install
	$(VENV)/bin/python -m tests.evaluation $(if $(ONLY),--only $(ONLY)) $(if $(REDO),--redo) $(if $(DOCS),--docs)

# a simulated day of eight cameras through the whole pipeline with faults now and then; REAL=1: real hours over RTSP
soak: install
	$(VENV)/bin/python -m tests.soak$(if $(REAL),.real) $(if $(HOURS),--hours $(HOURS)) $(if $(SEED),--seed $(SEED))

# how fast it is: tables and pictures under docs/benchmarks; ONLY=queries, or several: ONLY="sink queries"
bench: install
	@set -e; for name in $(or $(ONLY),$(BENCHES)); do $(VENV)/bin/python -m tests.bench.$$name; done

lint: install
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/python -m infra.audit

# breaks the files that decide on purpose and counts how often the tests notice; MUTANTS="--all streams/near.py" etc.
mutants: install
	$(VENV)/bin/python -m tests.mutation $(MUTANTS)

up down status: install
	$(TRACKFOLD) $@

install:
	@$(PYTHON) infra/install.py $(VENV) $(LOCK)

lock:
	$(VENV)/bin/python infra/lock.py

clean:
	rm -rf $(VENV) var build *.egg-info
