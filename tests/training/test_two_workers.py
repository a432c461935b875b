"""Two data-parallel workers as users start them, by `accelerate launch`, take the step of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from benchmark.contract.lab import Lab
from benchmark.contract.workers import ORDER
from methods.base import parse_method

from .drive import assert_same_gradients

CALLS = ["dpo(beta=0.3)", "kldpo(beta=0.3,tau=0.2)", "tv_dpo(beta=0.3)", "gr_dpo(beta=0.3)", "aot", "wdpo(rho=0.5)"]


@pytest.mark.slow
def test_accelerate_launch_takes_the_step_of_one_process(tmp_path):
    (tmp_path / ORDER).write_text(json.dumps({"calls": CALLS, "plugins": []}))
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    options = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    done = subprocess.run(
        [*launch, *options, "--module", "benchmark.contract.worker", str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},  # no device to be seen: gloo on the CPU
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lab = Lab(tmp_path / "one")
    for number, call in enumerate(CALLS):
        assert_same_gradients(torch.load(tmp_path / f"{number}.pt"), lab.step(parse_method(call), 64))
