"""The radius of a robust method's ball from its training pairs alone, and the radius that a setting stands for.

Every radius is brought to one scale: r nats of KL around the training pairs. To second order, the worst mean loss over
that ball is mean l + sqrt(2 r Var l), which is what makes unlike balls comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import chi2

from benchmark.core.data import Floats

LEVEL = 0.95
HyperParameters = Mapping[str, Any]


def chi_square_radius(pairs: Floats) -> Floats:
    """chi2_{1, 0.95} / (2 n), nats: over a ball of that radius, the worst and the best mean loss are the ends of an
    asymptotic 95% interval for the mean loss of the distribution that n pairs were drawn from.

    It guards against having few pairs and knows nothing of annotators: it shrinks as 1 / n.
    Source: arXiv:1610.03425, whose ball D_f <= rho / n has f''(1) = 2, so D_f is twice the KL.
    """
    return np.asarray(chi2.ppf(LEVEL, df=1) / (2 * pairs))


def disagreement_radius(share: Floats) -> Floats:
    """2 e^2, nats: the least KL at which a distribution may be a total variation of e away (Pinsker's inequality).

    e is the share of training labels against the annotators' utility: relabelling them moves that much mass.
    """
    return 2 * np.square(share)


def implied_radius(method: str, hparams: HyperParameters, loss_variance: Floats, gradient_rms: Floats) -> Floats | None:
    """The KL radius that a setting stands for, nats, shape as given; None where it stands for none.

    Args:
        method: name of the method.
        hparams: its hyper-parameters.
        loss_variance: of the losses of a batch's pairs at the end of training, in the losses' unit squared; NaN where
            not known.
        gradient_rms: root mean square of a loss's gradient by the input embeddings there; NaN where not known.
    """
    formula = FORMULAS.get(method)
    return None if formula is None else formula(hparams, loss_variance, gradient_rms)


def _temperature(hparams: HyperParameters, loss_variance: Floats, gradient_rms: Floats) -> Floats | None:
    """Var(l) / (2 tau^2), to second order the KL of weights that are exp(l / tau), normalised. In runs of before
    kldpo's other forms had names of their own, those are no such weights."""
    if hparams.get("rho") is not None or hparams.get("form") == "released":
        return None
    return loss_variance / (2 * hparams["tau"] ** 2)


def _rho(hparams: HyperParameters, loss_variance: Floats, gradient_rms: Floats) -> Floats:
    """rho itself: of the KL ball, and of the divergence 1/2 E (dp/dq - 1)^2, which is the KL to second order."""
    return np.full_like(loss_variance, hparams["rho"])


def _tv_dpo(hparams: HyperParameters, loss_variance: Floats, gradient_rms: Floats) -> Floats:
    """2 rho^2, by Pinsker's inequality."""
    return np.full_like(loss_variance, 2 * hparams["rho"] ** 2)


def _wdpo(hparams: HyperParameters, loss_variance: Floats, gradient_rms: Floats) -> Floats:
    """The radius at which a KL ball adds as much to the loss: sqrt(2 r Var l) = rho R, with R^2 in the squared form."""
    power = 2 if hparams.get("form") == "squared" else 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.square(hparams["rho"] * gradient_rms**power) / (2 * loss_variance)


FORMULAS: dict[str, Callable[[HyperParameters, Floats, Floats], Floats | None]] = {
    "kldpo": _temperature,
    "kldpo_ball": _rho,
    "chi2_dpo": _rho,
    "tv_dpo": _tv_dpo,
    "wdpo": _wdpo,
    "kl_rebel": _temperature,
    "chi2_rebel": _rho,
    "w_rebel": _wdpo,
}
