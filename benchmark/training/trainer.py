"""TRL's DPOTrainer, subclassed once: the method supplies the formula, TRL everything else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from torch import Tensor
from trl import DPOConfig, DPOTrainer

from benchmark.training.batch import merged
from benchmark.training.coupling import RunningScale, Slopes, concatenate, linearise
from benchmark.training.differencing import NUMBER, Differencing
from benchmark.training.formula import check_losses
from benchmark.training.forward import Forward, forward_pairs, squared_input_gradients
from benchmark.training.order import SortedWithinBatches
from benchmark.training.penalty import Displacement, StepControl, resolve_solver
from benchmark.training.settings import TrainingSettings
from benchmark.training.shared_prompt import forward_shared
from methods import Coupling, PairBatch, PairwiseMethod, Solver

WIDER = 4  # micro-batches that a pass without a graph takes at once: it keeps no activations
SLOPES = "slopes"  # what a micro-batch carries beside the collated tensors


def trainer_config(
    settings: TrainingSettings, pairs: int, seed: int, folder: Path, learning_rate_factor: float = 1.0
) -> DPOConfig:
    """TRL's arguments for a run over `pairs` pairs; nothing is logged or saved by the trainer itself."""
    workers = PartialState().num_processes
    own = settings.batch_size // workers
    micro = min(settings.micro_batch_size or own, own)
    cpu = not torch.cuda.is_available()
    steps = math.ceil(pairs / settings.batch_size * settings.epochs)
    return DPOConfig(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=own // micro,
        max_steps=steps,
        learning_rate=settings.learning_rate * learning_rate_factor,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        bf16=settings.bf16 is True,
        gradient_checkpointing=settings.gradient_checkpointing,
        max_length=None,
        seed=seed,
        data_seed=seed,
        use_cpu=cpu,
        dataloader_pin_memory=not cpu,
        save_strategy="steps" if settings.save_every else "no",
        save_steps=settings.save_every or 1,
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class PreferenceTrainer(Differencing, DPOTrainer):
    """Minimises the objective of any pairwise method over the global batch of each optimiser step.

    What is changed of the stock trainer: batches come ready-made (`PairCollator`) with their reference
    log-probabilities, the loss is the method's, and a coupled objective sees all micro-batches and workers of a step.
    """

    loss_is_scaled_for_ga = True  # our weights sum to 1 over the global batch, so nothing is left to divide

    def __init__(self, method: PairwiseMethod, pairs: int, args: DPOConfig, groups: int = 0, **kwargs: Any) -> None:
        self.method = method
        self.coupling = method.coupling()
        self.method_state = method.initial_state(groups)
        self.history: list[dict[str, Tensor]] = []
        args.precompute_ref_log_probs = True  # they are in the batch: no reference model is loaded
        args.remove_unused_columns = False
        super().__init__(args=args, train_dataset=Dataset.from_dict({"pair": range(pairs)}), **kwargs)
        policy: Any = self.model
        self.solver = resolve_solver(method, policy.config._attn_implementation, args.gradient_checkpointing)
        self.method_state = {name: tensor.to(self.args.device) for name, tensor in self.method_state.items()}
        self._split = False  # whether this step has several micro-batches
        self._pairs = 0  # of the global batch of this step
        self._scale: RunningScale | None = None
        self._displacement: Displacement | None = None
        self.step_control = StepControl()

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """The rows are numbers of pairs that are tokenised already."""
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """The batch carries them: they are computed once per pair set, for all methods."""
        return dataset

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Checkpoints are for going on, not for publishing."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
        """The seed's random order; where a batch is split, with rows of about equal length beside each other."""
        step = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        if self.args.gradient_accumulation_steps == 1:
            return super()._get_train_sampler(train_dataset)
        collator: Any = self.data_collator
        return SortedWithinBatches(train_dataset or self.train_dataset, collator.lengths, step)

    # One optimiser step: all its micro-batches, then each one, then the gradient as a whole -------------------------

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """All micro-batches of one optimiser step, each with what it must know of the others."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        batches = [{**self._prepare_inputs(batch), NUMBER: number} for number, batch in enumerate(batches)]
        sizes = [len(batch["ref_chosen_logps"]) for batch in batches]
        self._split = len(batches) > 1
        self._pairs = int(self.accelerator.reduce(torch.tensor(sum(sizes), device=device)))
        self._scale = RunningScale() if self.coupling is Coupling.SCALE else None
        if self.solver in (Solver.DIFFERENCE, Solver.PERTURBATION):
            self._displacement = self._inner_gradients(batches)
        elif self._split and self.coupling is Coupling.BATCH:
            for batch, slopes in zip(batches, self._first_pass(batches).chunk(sizes), strict=True):
                batch[SLOPES] = slopes
        return batches, items

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """A scalar with the gradient of the method's objective on this micro-batch."""
        if self._displacement is not None:
            return self._trained_loss(model, inputs)
        forward = self._forward(model, inputs)
        if self.coupling is Coupling.BATCH:
            objective = self._coupled_objective(forward, inputs.get(SLOPES))
        else:
            objective = self._scaled_objective(forward.batch)
        return objective * self.accelerator.num_processes  # data-parallel training averages over workers

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Forward and backward of one micro-batch; after the last one, what concerns the gradient as a whole."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        if self.accelerator.sync_gradients:
            if self._scale is not None:
                value = self._scale.finish(self._gradients())
                self.history[-1]["objective"] = value
            if self._displacement is not None:
                for gradient in self._gradients():
                    gradient.div_(self._displacement.width)
                self._displacement = None
        return loss

    def _gradients(self) -> list[Tensor]:
        policy: Any = self.model
        return [parameter.grad for parameter in policy.parameters() if parameter.grad is not None]

    # The objective of a micro-batch ---------------------------------------------------------------------------------

    def _scaled_objective(self, batch: PairBatch) -> Tensor:
        """Weights that are uniform, or known up to the factor that the end of the step divides by."""
        losses = self.method.pair_losses(batch)
        logs = self.method.log_weights(losses.detach())
        if logs is None or self._scale is None:
            objective = losses.sum() / self._pairs
            self._record(batch, objective.detach())
            return objective
        gathered = self.accelerator.gather({"logs": logs, "losses": losses.detach()})
        self._record(batch, torch.zeros_like(losses[0]).detach())  # the value is known at the end of the step
        return self._scale.add(logs, losses, gathered, self._gradients())

    def _coupled_objective(self, forward: Forward, slopes: Slopes | None) -> Tensor:
        """Any other coupling: from the slopes of a first pass, or of this forward where it is the whole batch."""
        batch = forward.batch.with_state(self.method_state)
        norms = None
        if forward.embeddings is not None:
            norms = squared_input_gradients(self.method.pair_losses(batch), forward.embeddings, differentiable=True)
        if slopes is None:
            slopes = self._global_slopes(batch.detached(), None if norms is None else norms.detach())
        return slopes.objective(batch, norms)

    def _global_slopes(self, own: PairBatch, norms: Tensor | None) -> Slopes:
        """Slopes of this worker's pairs, from the pairs of all; the method's state moves on."""
        batch = PairBatch(**self.accelerator.gather(own.tensors()), state=self.method_state)
        if norms is not None:
            norms = self.accelerator.gather(norms)
        if self.method.has_state():
            self.method_state = self.method.next_state(batch)
            batch = batch.with_state(self.method_state)
        slopes, value = linearise(self.method, batch, norms)
        self._record(batch, value, norms)
        pairs = len(own.chosen_logps)
        return slopes.part(self.accelerator.process_index * pairs, pairs)

    def _first_pass(self, batches: list[dict[str, Any]]) -> Slopes:
        """All micro-batches without backward by the parameters."""
        parts, norms = [], list[Tensor]()
        penalised = self.solver is Solver.DOUBLE_BACKWARD
        wide = 1 if penalised else WIDER
        for inputs in (merged(batches[first : first + wide]) for first in range(0, len(batches), wide)):
            with torch.set_grad_enabled(penalised), self.compute_loss_context_manager():
                forward = self._forward(self.model, inputs)
                if forward.embeddings is not None:
                    losses = self.method.pair_losses(forward.batch.with_state(self.method_state))
                    norms.append(squared_input_gradients(losses, forward.embeddings, differentiable=False))
            parts.append(forward.batch.detached())
        return self._global_slopes(concatenate(parts), torch.cat(norms) if norms else None)

    def _forward(self, model: Any, inputs: dict[str, Any], shift: Tensor | None = None) -> Forward:
        forward = self._forward_of(model, inputs, shift)
        if not self.history:  # no step was taken
            check_losses(self.method, forward.batch.with_state(self.method_state))
        return forward

    def _forward_of(self, model: Any, inputs: dict[str, Any], shift: Tensor | None) -> Forward:
        if "segments" in inputs:
            return Forward(forward_shared(model, inputs), None)
        layer = self.accelerator.unwrap_model(model).get_input_embeddings() if self.solver else None
        return forward_pairs(model, inputs, layer, shift)

    def _record(self, batch: PairBatch, value: Tensor, norms: Tensor | None = None) -> None:
        """Keep what a training curve shows; tensors stay on their device until the curve is written."""
        with torch.no_grad():
            losses = self.method.pair_losses(batch)
            entry = {
                "step": torch.tensor(float(self.state.global_step + 1)),
                "pairs": torch.tensor(float(len(batch.chosen_logps))),
                "objective": value,
                "loss": losses.mean(),
                "loss_std": losses.std(correction=0),
                "accuracy": (batch.log_ratio_margin > 0).float().mean(),
                "margin": batch.log_ratio_margin.mean(),
                "chosen_log_ratio": batch.chosen_log_ratios.mean(),
                "rejected_log_ratio": batch.rejected_log_ratios.mean(),
            }
            if norms is not None:
                entry["input_gradient_rms"] = norms.detach().mean().sqrt()
        self.history.append({name: number.detach() for name, number in entry.items()})
