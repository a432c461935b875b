# Two commands do everything: `make leaderboard` and `make test`. Each sets up .venv first, once, with locked versions.

PYTHON  ?= $(shell command -v python3.11 || echo python3)
PRESET  ?= quick
SUITE   ?= grammar
VENV    := .venv
BIN     := $(VENV)/bin
NEWEST  := .venv-newest

# An NVIDIA driver decides between the exclusive extras. On CPU machines torch's CPU build lies on PyTorch's own index,
# which is used where it can be reached; elsewhere pip must find that build by itself.
HARDWARE   := $(if $(wildcard /proc/driver/nvidia/version),gpu,cpu)
CPU_WHEELS := https://download.pytorch.org/whl/cpu
CPU_INDEX   = $(shell $(PYTHON) -c "import urllib.request as u; u.urlopen('$(CPU_WHEELS)/torch/', timeout=5)" \
              2>/dev/null && echo --extra-index-url $(CPU_WHEELS))
INDEX       = $(if $(filter cpu,$(HARDWARE)),$(CPU_INDEX))
LOCK       := --constraint requirements/$(HARDWARE).txt

# Test workers: the cores that this process may use, at most two, for the memory's sake. `make test JOBS=4` overrides.
JOBS   ?= $(shell $(PYTHON) -c "import os; print(min(2, len(os.sched_getaffinity(0)) \
        if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1))")
EXTRAS ?= $(HARDWARE),test
PYTEST  = HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -n $(JOBS) --dist loadfile --durations=15 $(ARGS)

# vLLM's CPU build asks for torchvision, torchaudio and torchcodec without saying which build; pip takes CUDA ones, which
# break `import transformers`. Nothing here needs the three.
WITHOUT_VISION = $(if $(filter cpu,$(HARDWARE)),$(1)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec)

.PHONY: leaderboard test test-newest mutants lint lock setup clean
.DEFAULT_GOAL := leaderboard

leaderboard: $(VENV)/.ready  ## run the default matrix on the embedded suite and print the page's path
	$(BIN)/python run_all.py --suite $(SUITE) --preset $(PRESET)

test: $(VENV)/.ready-test  ## run the whole test suite
	$(call PYTEST,$(VENV))

test-newest:  ## run it with the newest versions that pyproject.toml allows, in an environment of its own
	$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/pip install --quiet $(INDEX) --editable ".[$(EXTRAS)]"
	$(call WITHOUT_VISION,$(NEWEST))
	$(call PYTEST,$(NEWEST))

mutants: $(VENV)/.ready-test $(VENV)/.ready-mutants  ## change formulas and statistics, one place at a time: which test notices?
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/mutmut run --max-children $(JOBS) $(ARGS)
	$(BIN)/mutmut results

lint: $(VENV)/.ready-lint  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock:  ## write requirements/*.txt anew: the newest versions that pyproject.toml allows
	$(PYTHON) requirements/lock.py $(CPU_INDEX)

setup: $(VENV)/.ready  ## the environment alone

clean:  ## remove what was installed and cached here; runs/ stays
	rm -rf $(VENV) $(NEWEST) mutants .cache .pytest_cache .mypy_cache .ruff_cache *.egg-info

$(VENV)/.ready: pyproject.toml requirements/$(HARDWARE).txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(INDEX) $(LOCK) --editable ".[$(HARDWARE)]"
	$(call WITHOUT_VISION,$(VENV))
	@touch $@

$(VENV)/.ready-%: $(VENV)/.ready requirements/%.txt
	$(BIN)/pip install --quiet $(LOCK) --constraint requirements/$*.txt --editable ".[$*]"
	@touch $@
