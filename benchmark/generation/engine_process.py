"""The parent's end of the engine's process: start it, ask it, end it, and never leave it behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import weakref
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

_TAIL_LINES = 15
_GRACE_SECONDS = 5
_CPU_ENVIRONMENT = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # OMP_NUM_THREADS counts; binding would put two engines on one core
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "CUDA_VISIBLE_DEVICES": "",
}
_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process, so that none is left when it ends
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",  # policies are local folders
    "PYTHONUNBUFFERED": "1",
}


class EngineError(RuntimeError):
    """The engine failed, died or did not answer in time. The message holds the end of its log."""


class EngineProcess:
    """A process that runs `benchmark.generation.engine`. Ends with `close`, with this object, or with this process."""

    def __init__(self, cuda: bool) -> None:
        """Start the process; vLLM is imported at the first command.

        Args:
            cuda: whether it may use CUDA devices; else it is set up for the CPU.
        """
        ours, theirs = Pipe()
        log = tempfile.TemporaryFile(mode="w+b")  # noqa: SIM115 - lives as long as the process
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmark.generation.engine", str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[theirs.fileno()],
            env=_environment(cuda),
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the engine
        )
        theirs.close()
        self._connection, self._log, self._process = ours, log, process
        self._finalizer = weakref.finalize(self, _end, process, ours, log)

    def call(self, command: str, timeout: float, **arguments: Any) -> Any:
        """The result of one command of `Engine`. After any error the process is ended.

        Raises:
            EngineError: the command failed, the process died, or nothing came within `timeout` seconds.
        """
        try:
            self._connection.send((command, arguments))
            if not self._connection.poll(timeout):
                raise self._error(f"did not answer {command!r} within {timeout:g} s")
            status, result = self._connection.recv()
            if status != "ok":
                raise self._error(f"failed at {command!r}: {result}")
            return result
        except (EOFError, ConnectionError) as error:
            raise self._error(f"died at {command!r} (exit status {_status(self._process)})") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._finalizer()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._finalizer.alive and self._process.poll() is None

    def _error(self, what: str) -> EngineError:
        tail = _tail(self._log)
        self.close()
        return EngineError(f"the vLLM engine {what}. The end of its log:\n{tail}")


def _environment(cuda: bool) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = _ENVIRONMENT if cuda else {**_ENVIRONMENT, **_CPU_ENVIRONMENT}
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(paths)}


def _status(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:]) or "(empty)"


def _end(process: subprocess.Popen[bytes], connection: Connection, log: IO[bytes]) -> None:
    connection.close()
    if process.poll() is None:
        # The engine keeps nothing that a gentle end would save, and its own teardown takes seconds.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    log.close()
