"""Settings of the log-linear world."""

from __future__ import annotations

from pydantic import Field, model_validator

from benchmark.suites.common import SuiteSettings


class LogLinearSettings(SuiteSettings):
    """Sizes of the world and of the data sets (`suite.KEY`)."""

    dimension: int = Field(4, gt=1, description="of theta and of the features")
    prompts: int = Field(8, gt=0, description="of the world")
    responses: int = Field(4, gt=1, description="per prompt")
    beta: float = Field(0.1, gt=0, description="labels follow the reward beta theta* . psi; theta* is DPO's optimum")
    strength: float = Field(20.0, gt=0, description="norm of theta*")
    bound: float = Field(100.0, gt=0, description="B: theta is kept in the ball of this radius")
    resolution: int = Field(256, gt=1, description="label probabilities are rounded to multiples of 1 / resolution")
    smallest: int = Field(256, gt=1, description="pairs of the smallest data set; the sizes double up to the largest")
    largest: int = Field(16384, gt=1, description="pairs of the largest data set")
    draws: int = Field(4, gt=0, description="data sets of every size, per seed")

    @model_validator(mode="after")
    def _consistent(self) -> LogLinearSettings:
        if self.strength >= self.bound:
            raise ValueError(f"strength {self.strength:g} must be less than bound {self.bound:g}")
        if len(self.sizes()) < 3:
            raise ValueError(f"a slope needs three sizes at least, got {self.sizes()}")
        return self

    def sizes(self) -> list[int]:
        """Numbers of pairs, doubling."""
        sizes = [self.smallest]
        while sizes[-1] * 2 <= self.largest:
            sizes.append(sizes[-1] * 2)
        return sizes
