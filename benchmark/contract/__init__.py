"""The contract that every method and every shift must hold to, one promise at a time: `run_all.py check NAME`."""
