"""The suite `emotion`: real texts, learned rewards."""

from benchmark.suites.emotion.suite import EmotionSuite

__all__ = ["EmotionSuite"]
