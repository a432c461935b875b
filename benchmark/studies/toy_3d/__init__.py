"""The toy of the 3D-properties paper: a few prompts, ten responses, a small network."""

from benchmark.studies.toy_3d.study import Toy3D

__all__ = ["Toy3D"]
