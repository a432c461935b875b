#!/usr/bin/env python3
"""Run the benchmark from a checkout: `python run_all.py --help`. The console script `prefshift` is the same program."""

from benchmark.cli import entry_point

if __name__ == "__main__":
    entry_point()
