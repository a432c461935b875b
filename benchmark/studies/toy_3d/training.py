"""Training in the toy, on the full batch, with everything recorded on the way."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from benchmark.studies.objective import objective, pair_batch
from benchmark.studies.toy_3d.network import Network
from benchmark.studies.toy_3d.settings import Toy3DSettings
from benchmark.studies.toy_3d.world import World
from benchmark.suites.analytic import Record
from methods import PairBatch, PairwiseMethod


def train_policy(method: PairwiseMethod, world: World, settings: Toy3DSettings, seed: int) -> list[Record]:
    """Train the policy with the method's formula; records at every epoch that `settings` names, as `NAME@EPOCH`.

    logp_CLASS: change of log pi against the initial policy, mean over the class's responses, nats. mass_CLASS: pi of
    the whole class, mean over prompts. gradient_chosen, gradient_rejected: |d sum_i w_i l_i / d pi|, mean over pairs,
    nats. gradient_ratio: log10 of the rejected over the chosen one, mean over pairs; probability_ratio: log10 of
    pi(chosen) / pi(rejected), mean over pairs. For DPO the two are equal.
    """
    network = Network(settings, seed)
    network.fit(world.initial)
    state = method.initial_state(1)

    def step(record: bool) -> tuple[Tensor, list[tuple[str, float, int]]]:
        nonlocal state
        batch, inputs = _batch(network, world)
        if method.has_state():
            state = method.next_state(batch.detached().with_state(state))
            batch = batch.with_state(state)
        numbers = [*_of_policy(network, world), *_of_gradients(method, batch)] if record else []
        return objective(method, batch, inputs), numbers

    return _train(network, settings, step)


def train_reward_model(world: World, settings: Toy3DSettings, seed: int) -> list[Record]:
    """Train a reward model on the same pairs: the policy's network, its last layer set to zero, the loss of Bradley and
    Terry. Records reward_CLASS, the mean reward of the class's responses (0 at the start), in nats of preference."""
    network = Network(settings, seed)
    network.fit(torch.zeros_like(world.initial))

    def step(record: bool) -> tuple[Tensor, list[tuple[str, float, int]]]:
        table = network.table()
        loss = -logsigmoid(table[world.prompt, world.chosen] - table[world.prompt, world.rejected]).mean()
        return loss, list(_means(world, "reward", table.detach())) if record else []

    return _train(network, settings, step)


def _train(
    network: Network, settings: Toy3DSettings, step: Callable[[bool], tuple[Tensor, list[tuple[str, float, int]]]]
) -> list[Record]:
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    wanted, records = set(settings.recorded()), []
    for epoch in range(settings.epochs + 1):
        value, numbers = step(epoch in wanted)
        records += [Record(f"{name}@{epoch}", number, n) for name, number, n in numbers]
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    return records


def _batch(network: Network, world: World) -> tuple[PairBatch, list[Tensor]]:
    """All pairs, and the prompt's embedding as each side of each pair reads it, shape [pairs, embedding]."""
    sides = [(network.embeddings[world.prompt], column) for column in (world.chosen, world.rejected)]
    logps = [torch.log_softmax(network.outputs(inputs), 1).gather(1, column[:, None])[:, 0] for inputs, column in sides]
    references = [world.initial[world.prompt, column] for _, column in sides]
    return pair_batch(logps[0], logps[1], references[0], references[1]), [inputs for inputs, _ in sides]


def _of_policy(network: Network, world: World) -> list[tuple[str, float, int]]:
    with torch.no_grad():
        logps = torch.log_softmax(network.table(), 1)
    masses = [
        (f"mass_{name}", float((logps.exp() * mask).sum(1).mean()), len(logps)) for name, mask in world.members.items()
    ]
    return [*_means(world, "logp", logps - world.initial), *masses]


def _means(world: World, name: str, table: Tensor) -> list[tuple[str, float, int]]:
    return [(f"{name}_{key}", float(table[mask].mean()), int(mask.sum())) for key, mask in world.members.items()]


def _of_gradients(method: PairwiseMethod, batch: PairBatch) -> list[tuple[str, float, int]]:
    """Slopes of sum_i w_i l_i (without an input penalty) by the probabilities: d/d pi = (d/d log pi) / pi."""
    free = batch.detached()
    chosen, rejected = free.chosen_logps.requires_grad_(), free.rejected_logps.requires_grad_()
    losses = method.pair_losses(free)
    value = (method.pair_weights(losses.detach(), free).detach() * losses).sum()
    by_chosen, by_rejected = torch.autograd.grad(value, (chosen, rejected), materialize_grads=True)
    with torch.no_grad():
        up, down = by_chosen.abs() / chosen.exp(), by_rejected.abs() / rejected.exp()
        numbers = {
            "gradient_chosen": up.mean(),
            "gradient_rejected": down.mean(),
            "gradient_ratio": (down.log10() - up.log10()).mean(),
            "probability_ratio": ((chosen - rejected) / torch.log(torch.tensor(10.0, dtype=chosen.dtype))).mean(),
        }
    return [(name, float(number), len(losses)) for name, number in numbers.items() if torch.isfinite(number)]
