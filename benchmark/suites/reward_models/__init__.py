"""The suite `reward_models`: chat policies, reward models as objectives."""

from benchmark.suites.reward_models.suite import RewardModelsSuite

__all__ = ["RewardModelsSuite"]
