.PHONY: check test lint format demo clean

check: ## everything that must pass before a change is merged
	bash .ci/run

test: ## the tests alone, in their own environment
	bash install.sh --test

lint: ## format, lint, types and import rules, without the tests (after one `make test`)
	.venv-test/bin/ruff format --check .
	.venv-test/bin/ruff check .
	.venv-test/bin/mypy --strict
	PATH="$(CURDIR)/.venv-test/bin:$$PATH" lint-imports

format: ## mend what can be mended by itself
	.venv-test/bin/ruff format .
	.venv-test/bin/ruff check --fix .

demo: ## install for this user and run the demonstration
	bash install.sh --demo

clean: ## remove what the checks leave behind
	rm -rf .venv-test .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
