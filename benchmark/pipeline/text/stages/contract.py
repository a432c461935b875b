"""The stage that holds a method of one's own to the contract, so that its rows can say whether it does."""

from __future__ import annotations

import json

from benchmark.core.graph import Task, stage
from benchmark.pipeline.text.stages.common import CHECKS
from methods import Method


@stage("contract", version=1)
def check_contract(task: Task, method: Method) -> None:
    """Names of the checks that the method fails at the cell's hyper-parameters; they are run, whatever it does."""
    from benchmark.contract.check import Outcome
    from benchmark.contract.runner import run_checks
    from benchmark.contract.subjects import MethodSubject
    from benchmark.contract.suite import LabOnDemand, checks_for, start_workers

    lab = LabOnDemand()
    subject = MethodSubject(method, lab, fixed=True)
    checks = checks_for(subject)
    failed = []
    try:
        start_workers([subject])
        for done, result in enumerate(run_checks(checks, subject)):
            failed += [result.check.name] if result.outcome is Outcome.FAIL else []
            task.progress(done + 1, len(checks))
    finally:
        lab.close()
    (task.folder / CHECKS).write_text(json.dumps({"failed": failed, "checks": [check.name for check in checks]}))
