# Two commands do everything: `make leaderboard` and `make test`. Each sets up .venv first, once.

PYTHON  ?= $(shell command -v python3.11 || echo python3)
PRESET  ?= quick
SUITE   ?= grammar
VENV    := .venv
BIN     := $(VENV)/bin

# An NVIDIA driver decides between the exclusive extras. On CPU machines torch's CPU build lies on PyTorch's own index,
# which is used where it can be reached; elsewhere pip must find that build by itself.
HARDWARE  := $(if $(wildcard /proc/driver/nvidia/version),gpu,cpu)
CPU_INDEX := https://download.pytorch.org/whl/cpu
INDEX      = $(if $(filter cpu,$(HARDWARE)),$(shell $(PYTHON) -c "import urllib.request as u; \
             u.urlopen('$(CPU_INDEX)/torch/', timeout=5)" 2>/dev/null && echo --extra-index-url $(CPU_INDEX)))

.PHONY: leaderboard test lint setup clean
.DEFAULT_GOAL := leaderboard

leaderboard: $(VENV)/.ready  ## run the default matrix on the embedded suite and print the page's path
	$(BIN)/python run_all.py --suite $(SUITE) --preset $(PRESET)

test: $(VENV)/.ready-test  ## run the whole test suite
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --durations=15 $(ARGS)

lint: $(VENV)/.ready-lint  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(VENV)/.ready  ## the environment alone

clean:  ## remove what was installed and cached here; runs/ stays
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache *.egg-info

# vLLM's CPU build asks for torchvision, torchaudio and torchcodec without saying which build; pip takes CUDA ones, which
# break `import transformers`. Nothing here needs the three.
$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(INDEX) torch==2.13.0
	$(BIN)/pip install --quiet $(INDEX) --editable ".[$(HARDWARE)]"
	$(if $(filter cpu,$(HARDWARE)),$(BIN)/pip uninstall --quiet --yes torchvision torchaudio torchcodec)
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	$(BIN)/pip install --quiet --editable ".[test]"
	@touch $@

$(VENV)/.ready-lint: $(VENV)/.ready
	$(BIN)/pip install --quiet --editable ".[lint]"
	@touch $@
