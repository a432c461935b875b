"""A linear judge: TF-IDF of words and word pairs, one logistic regression per objective. Its scores are log-odds.

Rows are not scaled to unit length: a text of several moods then keeps the evidence for each of them, and held-out
exact match rises from .68 to .77 on single and from .54 to .63 on concatenated Emotion texts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmark.core.data import Floats
from benchmark.core.graph import Progress, silent
from benchmark.scoring.base import RewardModel

_WEIGHTS = "model.safetensors"


class LinearRewardModel(RewardModel):
    """`coefficients` [objectives, features] and `intercepts` [objectives] over the features of `vectorizer`."""

    kind = "linear"

    def __init__(
        self, vectorizer: TfidfVectorizer, coefficients: Floats, intercepts: Floats, objectives: Sequence[str]
    ) -> None:
        self.vectorizer = vectorizer
        self.coefficients = coefficients
        self.intercepts = intercepts
        self.objectives = tuple(objectives)

    def score(self, texts: Sequence[str]) -> Floats:
        """Log-odds of shape [texts, objectives]."""
        if not len(texts):
            return np.empty((0, len(self.objectives)))
        scores: Floats = self.vectorizer.transform(texts) @ self.coefficients.T + self.intercepts
        return scores

    def save(self, folder: Path) -> None:
        """Write features, their inverse document frequencies and the weights."""
        arrays = {"idf": self.vectorizer.idf_, "coefficients": self.coefficients, "intercepts": self.intercepts}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / _WEIGHTS)
        features = self.vectorizer.get_feature_names_out().tolist()
        described = {"kind": self.kind, "objectives": self.objectives, "features": features}
        (folder / "reward_model.json").write_text(json.dumps(described))

    @classmethod
    def load(cls, folder: Path) -> LinearRewardModel:
        """Read what `save` wrote."""
        described = json.loads((folder / "reward_model.json").read_text())
        arrays = load_file(folder / _WEIGHTS)
        vectorizer = _vectorizer(vocabulary=described["features"])
        vectorizer.idf_ = arrays["idf"]
        return cls(vectorizer, arrays["coefficients"], arrays["intercepts"], described["objectives"])


def fit_linear(
    texts: Sequence[str],
    labels: Floats,
    objectives: Sequence[str],
    *,
    inverse_penalty: float = 0.1,
    least_count: int = 2,
    progress: Progress = silent,
) -> LinearRewardModel:
    """Fit one logistic regression per objective; nothing is random.

    Args:
        texts: training texts.
        labels: 0 or 1 for every objective, shape [texts, objectives].
        objectives: names of the columns of `labels`.
        inverse_penalty: scikit-learn's C, the inverse of the L2 penalty.
        least_count: texts in which a word or word pair must occur to be a feature.
        progress: called with (objectives fitted, objectives in all).
    """
    vectorizer = _vectorizer(min_df=least_count)
    features = vectorizer.fit_transform(texts)
    coefficients, intercepts = np.empty((len(objectives), features.shape[1])), np.empty(len(objectives))
    for column in range(len(objectives)):
        fitted = LogisticRegression(C=inverse_penalty, solver="liblinear", random_state=0, tol=1e-3)
        fitted.fit(features, labels[:, column] > 0.5)
        coefficients[column], intercepts[column] = fitted.coef_[0], fitted.intercept_[0]
        progress(column + 1, len(objectives))
    return LinearRewardModel(vectorizer, coefficients, intercepts, objectives)


def _vectorizer(vocabulary: Sequence[str] | None = None, min_df: int = 1) -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, norm=None, min_df=min_df, vocabulary=vocabulary)
