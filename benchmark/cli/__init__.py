"""The command line: `python run_all.py`, or `prefshift` where the package is installed."""

from benchmark.cli.commands import FAILED, INTERRUPTED, MISTAKE, entry_point, main

__all__ = ["FAILED", "INTERRUPTED", "MISTAKE", "entry_point", "main"]
