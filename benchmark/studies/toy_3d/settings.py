"""Settings of the toy."""

from __future__ import annotations

from pydantic import Field, model_validator

from benchmark.suites.common import SuiteSettings


class Toy3DSettings(SuiteSettings):
    """Sizes of the world, of the network and of training (`suite.KEY`)."""

    prompts: int = Field(4, gt=0, description="of the world, each with responses of its own")
    responses: int = Field(10, gt=0, description="per prompt")
    head: int = Field(5, gt=0, description="responses that are likely under the initial policy")
    head_mass: float = Field(0.9, gt=0, lt=1, description="their probability together; the others share what is left")
    chosen: int = Field(2, gt=0, description="chosen responses per prompt, and as many rejected ones")
    embedding: int = Field(16, gt=0, description="width of a prompt's embedding, the network's input")
    similarity: float = Field(
        0.95, ge=0, lt=1, description="share of an embedding's variance that all prompts have in common"
    )
    width: int = Field(32, gt=0, description="width of both hidden layers")
    epochs: int = Field(250, gt=0, description="steps on the full batch")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    points: int = Field(25, gt=0, description="epochs, evenly spaced, at which everything is recorded; and epoch 0")

    @model_validator(mode="after")
    def _enough_responses(self) -> Toy3DSettings:
        if min(self.head, self.responses - self.head) < 2 * self.chosen:
            raise ValueError(
                f"chosen and rejected must both fit among the {self.head} likely and among the "
                f"{self.responses - self.head} unlikely responses: 2 x {self.chosen} are too many"
            )
        if self.width + 1 < self.prompts:
            raise ValueError(f"width {self.width} is too small to give {self.prompts} prompts the stated policy")
        return self

    def recorded(self) -> list[int]:
        """Epochs that are recorded, the first 0 and the last `epochs`."""
        return sorted({round(self.epochs * point / self.points) for point in range(self.points + 1)})
