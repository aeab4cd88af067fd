# The verbs of this repository. `make run` needs nothing but a Python 3.12 or newer.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
RUN = .venv/run.stamp
DEV = .venv/dev.stamp
.PHONY: help run test check fix bench eval sabotage lock

help:
	@echo "make run       start everything; Ctrl-C stops it"
	@echo "make test      every test, on a real PostgreSQL and a real broker"
	@echo "make check     format, lint, types, layers, migrations, function sizes"
	@echo "make fix       format, and repair what ruff can"
	@echo "make bench     the figures of bench/, as JSON and a table; the graph after 10,000 contradictions"
	@echo "make eval      how well memory works: ARGS='locomo --data locomo10.json --report'"
	@echo "make sabotage  remove one wall or lock at a time: the tests must go red"
	@echo "make lock      resolve requirements*.lock again"

run: $(RUN)
	@exec python manage.py up

test: $(DEV)
	@python -m tests.lanes $(LANES)

check: $(DEV)
	ruff format --check . && ruff check . && mypy && lint-imports
	djlint --quiet --check --lint templates
	python manage.py makemigrations --check --dry-run --settings tests.settings_without_database
	python -m tests.function_sizes

fix: $(DEV)
	ruff check --fix . ; ruff format .
	djlint --quiet --reformat templates

bench: $(DEV)
	python -m bench $(ARGS)
	python -m bench.graph $(filter --publish,$(ARGS))

eval: $(RUN)
	python manage.py evaluate $(ARGS)

sabotage: $(DEV)
	python -m tests.sabotage $(ARGS)

lock: $(DEV)
	.ci/uv pip compile $(LOCK_OPTIONS) pyproject.toml --output-file requirements.lock
	.ci/uv pip compile $(LOCK_OPTIONS) pyproject.toml --group dev --output-file requirements-dev.lock

# No index address may enter a lock file: it is installed from wherever the reader's is.
LOCK_OPTIONS = --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate

# A stamp makes the second call instant.
$(RUN): requirements.lock .python-version .ci/install
	@.ci/install requirements.lock && touch $@

$(DEV): requirements-dev.lock .python-version .ci/install
	@.ci/install requirements-dev.lock && touch $@ $(RUN)
