"""Which arithmetic a run computes with: the machine's own, or one that every x86 machine with AVX2 has.

A library picks its kernels by the processor that it finds; sums are then taken in another order, functions rounded
otherwise, and training carries the last bits far. `portable` pins the kernels by environment variables, which a library
reads once: they must be there before it is loaded, so a worker process is started with them.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from benchmark.core.errors import UserError
from benchmark.core.resources import gpu_count

Numerics = Literal["fast", "portable"]
Environment = Mapping[str, str | None]  # variables of a process; None: it must not be set

ONE_THREAD: Environment = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
NEEDED = frozenset({"avx2", "fma"})  # flags in /proc/cpuinfo of a processor that has the portable kernels
PORTABLE: Environment = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops: softmax, norms, elementwise functions
    # The one branch that MKL takes on processors of any maker; its AVX2 branches differ between them.
    "MKL_CBWR": "COMPATIBLE",
    "MKL_ENABLE_INSTRUCTIONS": None,
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions and GELU
    "DNNL_MAX_CPU_ISA": None,  # the same by its former name
    "ONEDNN_DEFAULT_FPMATH_MODE": None,
    "DNNL_DEFAULT_FPMATH_MODE": None,
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's and scipy's linear algebra
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    "NPY_ENABLE_CPU_FEATURES": None,
    "GLIBC_TUNABLES": None,  # may take FMA from the C library's functions
}
CHOOSING = tuple(PORTABLE)  # the variables that choose an arithmetic, set by us or by others


def worker_environment(numerics: Numerics) -> Environment:
    """The variables that a worker process is started with: one thread, and the arithmetic that was asked for."""
    return {**ONE_THREAD, **(PORTABLE if numerics == "portable" else {})}


def check_numerics(numerics: Numerics) -> None:
    """Raise a UserError where this machine does not have the arithmetic."""
    if numerics == "fast":
        return
    if gpu_count():
        raise UserError(
            "numerics=portable is an arithmetic of CPUs, and a GPU is visible: set CUDA_VISIBLE_DEVICES=''."
        )
    if missing := NEEDED - processor_flags():
        raise UserError(
            f"numerics=portable needs an x86 processor with AVX2 and FMA; {' and '.join(sorted(missing))} was not "
            f"found on this {platform.machine()} machine. Allowed here: fast."
        )


def processor_flags() -> frozenset[str]:
    """What the processor can do, as Linux lists it; empty where nothing is listed."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
