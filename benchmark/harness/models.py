"""lm-eval's transformers model over a model that is loaded already."""

from __future__ import annotations

from typing import Any

from lm_eval.models.huggingface import HFLM


class LiveModel(HFLM):
    """As its parent, and silent."""

    def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """See `HFLM.loglikelihood`."""
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """See `HFLM.loglikelihood_rolling`."""
        return super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)

    def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """See `HFLM.generate_until`."""
        return super().generate_until(requests, disable_tqdm=disable_tqdm)
