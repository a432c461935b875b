"""What a plan estimates: work that grows with what it is made of, scaled from recorded runs, said to be guessed where
there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from benchmark.core.graph import KINDS, Stage, missing_stages, stage
from benchmark.core.store import Store
from benchmark.core.work import Work
from benchmark.pipeline.estimates.chain import longest_chain, side_by_side
from benchmark.pipeline.estimates.devices import CPU, ONE_CORE, device
from benchmark.pipeline.estimates.estimate import FLAT_SECONDS, Basis, Estimator
from benchmark.pipeline.estimates.records import MODULE_SECONDS, Record, spent
from benchmark.pipeline.estimates.training import count
from benchmark.pipeline.estimates.work import suite_of, work_of
from benchmark.pipeline.execute.worker import run_stage
from benchmark.pipeline.kinds import build_matrix, read_config
from benchmark.pipeline.matrix import Matrix
from benchmark.pipeline.plan import Plan, make_plan, plan_table
from benchmark.policies.sizes import PolicySize, scratch_size, size_of
from benchmark.suites.sizes import TextSizes
from benchmark.training.settings import TrainingSettings
from methods import Method
from methods.base import parse_method
from shifts.base import parse_shift

SMOKE = ("reference", "dpo(beta=0.1)", "wdpo(rho=0.3)")
LARGER = ["training.epochs=8", "suite.train_prompts=2048", "suite.test_prompts=400", "suite.policy_sentences=51200"]


def matrix_of(*settings: str, methods: tuple[str, ...] = SMOKE) -> Matrix:
    config = read_config("grammar", "smoke", settings=settings, options={"methods": ",".join(methods)})
    return build_matrix(config, "transformers")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store(tmp_path / "empty")


def all_of(kind: str, matrix: Matrix, empty: Store, label: str | None = None) -> list[Stage]:
    """The stages of a kind, and of a label where one is given."""
    return [s for s in missing_stages(matrix.stages(), empty) if s.kind == kind and label in (None, s.label)]


def seconds_of(kind: str, empty: Store, *settings: str, label: str | None = None) -> float:
    """The first guess for all of them."""
    works = [work_of(made, empty) for made in all_of(kind, matrix_of(*settings), empty, label)]
    return sum(ONE_CORE.seconds(work) for work in works if work is not None)


def finish(store: Store, matrix: Matrix, slower: float, **changed: object) -> None:
    """Write artefacts that took `slower` times the first guess."""
    for made in missing_stages(matrix.stages(), store):
        work = work_of(made, store)
        assert work is not None
        meta = {"label": made.label, "suite": suite_of(made), "device": CPU, "work": work.record(), "modules": 0}
        meta |= {"seconds": 1e9, "cpu_seconds": slower * ONE_CORE.seconds(work), "bytes": 2 * work.bytes, **changed}
        with store.writing(made.kind, made.key, meta):
            pass


# Work -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "setting", "small", "large"),
    [
        ("trained_policy", "training.epochs", 1, 2),
        ("trained_policy", "suite.train_prompts", 512, 1024),
        ("trained_policy", "suite.policy_layers", 2, 4),
        ("trained_policy", "suite.policy_feed_forward", 128, 512),
        ("generations", "training.checkpoints", 2, 4),
        ("generations", "suite.test_prompts", 100, 200),
        ("generations", "sampling.samples", 1, 3),
        ("generations", "suite.policy_layers", 2, 4),
        ("scored_generations", "suite.validation_prompts", 100, 200),
        ("scored_generations", "training.checkpoints", 2, 4),
        ("completions", "suite.train_prompts", 512, 1024),
        ("scores", "suite.train_prompts", 512, 1024),
        ("reference_logps", "suite.train_prompts", 512, 1024),
        ("policy", "suite.policy_sentences", 12800, 25600),
        ("policy", "suite.policy_epochs", 1, 2),
        ("reward_model", "suite.reward_sentences", 4000, 8000),
        ("reward_model", "suite.reward_channels", 48, 96),
    ],
)
def test_work_grows_with_what_it_is_made_of(kind, setting, small, large, empty):
    label = "dpo" if kind == "trained_policy" else None
    few, many = (seconds_of(kind, empty, f"{setting}={value}", label=label) for value in (small, large))
    assert few < many <= 1.001 * few * large / small  # never faster than in proportion


def test_twice_the_steps_take_twice_the_time_above_what_starting_costs(empty):
    one, two, four = (
        seconds_of("trained_policy", empty, f"training.epochs={epochs}", label="dpo") for epochs in (1, 2, 4)
    )
    start = one - (two - one)
    assert start > 0
    assert four - start == pytest.approx(2 * (two - start))


SIZE = PolicySize(1e6, 4, 1000)
TEXTS = TextSizes({"train": 640, "validation": 10, "test": 10}, 8, 16, 24)
PAIR = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=0.1)")[0]


def flops(call: str, **settings: object) -> float:
    suite = matrix_of().suite
    job = count(parse_method(call), SIZE, TEXTS, TrainingSettings(batch_size=64, epochs=1, **settings), suite, PAIR)
    assert job is not None
    return job.work.flops


def test_the_work_of_training_by_hand():
    per_token = 2 * 1e6 + 100 * 1000
    assert flops("dpo") == pytest.approx(10 * 64 * 2 * 32 * 3 * per_token)  # steps, pairs, sides, tokens, backward
    assert flops("dpo", share_prompt=True) == pytest.approx(10 * 64 * (8 + 2 * 24) * 3 * per_token)


def test_what_a_method_does_beside_plain_passes_is_counted():
    assert flops("kldpo(tau=0.3)") == flops("sft") == flops("tv_dpo") == flops("dpo")
    assert flops("tv_dpo", micro_batch_size=16) == pytest.approx(4 / 3 * flops("dpo", micro_batch_size=16))
    assert flops("kldpo(tau=0.3)", micro_batch_size=16) == flops("dpo", micro_batch_size=16)
    assert flops("wdpo") > flops("wdpo(solver=difference)") == pytest.approx(2.1 * flops("dpo"))
    assert flops("dpo_early_stop(fraction=0.2)") == pytest.approx(flops("dpo") / 5)
    assert flops("dpo") < flops("kto") and flops("dpo") < flops("rloo")
    assert flops("rewarded_soups") == 0


@pytest.mark.parametrize("cls", [cls for cls in Method.registry.all() if cls.trains], ids=lambda cls: cls.name)
def test_the_training_of_every_registered_method_can_be_counted(cls):
    job = count(cls.make(), SIZE, TEXTS, TrainingSettings(), matrix_of().suite, PAIR)
    assert job is not None and job.steps > 0 and job.checkpoints > 0


def test_a_method_that_asks_what_a_counting_job_lacks_is_not_known(store):
    class Odd:
        def train(self, job):
            job.no_such_thing()

    assert count(Odd(), SIZE, TEXTS, TrainingSettings(), matrix_of().suite, PAIR) is None  # type: ignore[arg-type]
    estimate = Estimator(store, ONE_CORE).estimate(Stage("kind_of_its_own", 1, {}))
    assert estimate.seconds == FLAT_SECONDS and str(estimate.basis).startswith("guessed")


def test_sizes_are_those_of_the_models():
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    small = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 300, "vocab_size": 700}
    for tied in (True, False):
        config = LlamaConfig(hidden_size=64, num_hidden_layers=3, tie_word_embeddings=tied, **small)
        parameters = LlamaForCausalLM(config).num_parameters()
        assert size_of(config.to_dict()).parameters == pytest.approx(parameters, rel=0.01)
    config = GPT2Config(vocab_size=700, n_embd=96, n_layer=3, n_head=3, n_positions=64)
    size = size_of(config.to_diff_dict())
    assert size.parameters == pytest.approx(GPT2LMHeadModel(config).num_parameters(), rel=0.02)
    assert (size.layers, size.vocabulary) == (3, 700)
    assert size_of({"model_type": "unheard_of"}) is None
    assert scratch_size(160, 64, 2, 2, 128).parameters == 160 * 64 + 2 * (4 * 64**2 + 3 * 64 * 128)


# Records ------------------------------------------------------------------------------------------------------------


def test_seconds_are_the_processors_on_a_cpu_and_the_clocks_beside_a_gpu():
    meta = {"device": CPU, "seconds": 50.0, "cpu_seconds": 20.0, "modules": 1000}
    assert spent(meta) == pytest.approx(20 - 1000 * MODULE_SECONDS)
    assert spent({**meta, "device": "NVIDIA H100 80GB HBM3"}) == pytest.approx(50 - 1000 * MODULE_SECONDS)
    assert 0 < spent({**meta, "cpu_seconds": 1.0, "modules": 10_000}) < 1  # imports are never all of it


def test_a_worker_records_what_estimates_need(store):
    @stage("costly", version=1)
    def write(task):
        (task.folder / "file").write_bytes(bytes(1000))

    made = Stage("costly", 1, {}, label="any")
    try:
        run_stage(made, store, lambda done, total: None)
    finally:
        del KINDS["costly"]
    meta = store.meta("costly", made.key)
    assert meta["device"] and meta["bytes"] == 1000 and meta["work"] is None and meta["modules"] >= 0
    assert meta["cpu_seconds"] >= 0 and meta["seconds"] >= 0


# Estimates ----------------------------------------------------------------------------------------------------------


def test_a_store_without_records_says_guessed(store):
    plan = make_plan(matrix_of(), store, ONE_CORE)
    assert {line.basis.sort for line in plan.lines()} == {"guessed"}
    assert "guessed: nothing comparable ran here" in printed(plan)


def test_a_store_with_a_smoke_run_scales_it(store, empty):
    finish(store, matrix_of(), slower=3.0)
    plan = make_plan(matrix_of(*LARGER), store, ONE_CORE)
    trained = next(line for line in plan.lines() if line.name == "trained_policy dpo")
    assert trained.basis.sort == "scaled" and str(trained.basis).startswith("scaled from 1 smaller one (x ")
    assert trained.seconds == pytest.approx(3 * seconds_of("trained_policy", empty, *LARGER, label="dpo"))
    assert "scaled from" in printed(plan) and "guessed" not in printed(plan)


def test_what_ran_like_it_is_measured_and_other_seeds_are_like_it(store, empty):
    finish(store, matrix_of(), slower=2.0)
    plan = make_plan(matrix_of("seeds=2"), store, ONE_CORE)
    assert plan.stages and {line.basis.sort for line in plan.lines()} == {"measured"}
    trained = next(line for line in plan.lines() if line.name == "trained_policy wdpo")
    assert trained.seconds == pytest.approx(2 * seconds_of("trained_policy", empty, label="wdpo"))


def test_a_method_that_never_ran_is_scaled_from_others(store, empty):
    finish(store, matrix_of(methods=("reference", "dpo(beta=0.1)")), slower=2.0)
    plan = make_plan(matrix_of(methods=("reference", "wdpo(rho=0.3)")), store, ONE_CORE)
    line = next(line for line in plan.lines() if line.name == "trained_policy wdpo")
    assert line.basis.others == ("dpo",) and line.basis.sort == "scaled"
    assert line.seconds == pytest.approx(2 * seconds_of("trained_policy", empty, label="wdpo"))


def test_records_of_the_same_label_and_suite_and_of_the_nearest_size_count(store):
    def record(label: str, suite: str, flops: float, slower: float, machine: str = CPU) -> Record:
        work = Work(flops, bytes=10.0)
        return Record("trained_policy", label, suite, machine, work, slower * ONE_CORE.seconds(work), 30)

    made = Stage("trained_policy", 1, {}, label="dpo")  # of no suite
    records = [
        record("dpo", "", 1e10, 2.0),
        record("dpo", "", 1.1e10, 4.0),
        record("dpo", "", 1e13, 9.0),
        record("dpo", "emotion", 2e10, 100.0),
        record("kldpo", "", 2e10, 100.0),
        record("dpo", "", 2e10, 100.0, "NVIDIA H100"),
    ]
    estimate = Estimator(store, ONE_CORE, records).of_work(made, Work(2e10, bytes=20))
    assert estimate.seconds == pytest.approx(3 * 2e10 / ONE_CORE.flops) and estimate.basis.records == 2
    assert estimate.bytes == 60
    without = Estimator(store, ONE_CORE, records[3:5]).of_work(made, Work(2e10))
    assert without.basis.others == ("in emotion",)  # the label counts more than the suite
    assert str(without.basis) == "scaled from 1 of that size (in emotion; x 1)"
    assert Estimator(store, ONE_CORE, records[4:5]).of_work(made, Work(2e10)).basis.others == ("kldpo",)


def test_a_record_of_another_make_up_is_no_basis(store):
    convolution, transformer = Work(host_seconds=1.0), Work(flops=1e12, host_seconds=0.1)
    made = Stage("reward_model", 1, {}, label="")
    records = [Record("reward_model", "", "", CPU, convolution, 7.0, 1)]
    assert Estimator(store, ONE_CORE, records).of_work(made, transformer).basis.sort == "guessed"
    assert Estimator(store, ONE_CORE, records).of_work(made, convolution).basis.sort == "measured"


def test_the_further_an_estimate_is_scaled_the_less_it_says():
    near, far, further = (Basis("scaled", 1, scale) for scale in (5.0, 1e2, 1e5))
    assert near.uncertainty == 1.5 and far.uncertainty == 1.5**2
    assert further.uncertainty == Basis("guessed").uncertainty
    assert Basis("scaled", 1, 1e-2).uncertainty == far.uncertainty
    assert Basis("measured", 3).uncertainty < near.uncertainty


def test_records_of_another_device_are_no_basis(store):
    finish(store, matrix_of(), slower=2.0, device="NVIDIA A100")
    assert {line.basis.sort for line in make_plan(matrix_of("seeds=2"), store, ONE_CORE).lines()} == {"guessed"}


def test_devices():
    h100, unknown = device("NVIDIA H100 80GB HBM3"), device("NVIDIA Something")
    assert device(CPU) is ONE_CORE and not h100.assumed and unknown.assumed
    assert h100.seconds(Work(flops=1e15)) < unknown.seconds(Work(flops=1e15)) < ONE_CORE.seconds(Work(flops=1e15))
    assert "assumed" in str(unknown)


def test_a_finished_policy_is_read_for_its_size(store):
    made = all_of("reference_logps", matrix_of(), store)[0]
    stated = work_of(made, store)
    folder = made.inputs["policy"].folder(store) / "policy"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        '{"model_type": "gpt2", "vocab_size": 5000, "n_embd": 256, "n_layer": 8, "n_head": 8}'
    )
    read = work_of(made, store)
    assert stated is not None and read is not None and read.flops > 10 * stated.flops


def test_an_analytic_stage_grows_with_its_settings(store):
    def total(preset: str) -> float:
        plans = (make_plan(build_matrix(read_config(name, preset), "none"), store) for name in STUDIES)
        return sum(plan.seconds(1) / len(plan.stages) for plan in plans)

    assert total("smoke") < total("quick") < total("full")


STUDIES = ("toy_3d", "loglinear")


# Side by side -------------------------------------------------------------------------------------------------------


def test_the_longest_chain_and_the_shared_work():
    policy = Stage("policy", 1, {})
    branches = [Stage("branch", 1, {"number": number}, {"policy": policy}) for number in range(4)]
    last = Stage("last", 1, {}, {"branch": branches[0]})
    stages = [policy, *branches, last]
    seconds = {"policy": 10.0, "branch": 2.0, "last": 5.0}

    def of(made: Stage) -> float:
        return seconds[made.kind]

    assert longest_chain(stages, of) == 17
    assert longest_chain(stages[1:], of) == 7  # what is there already is not waited for
    assert side_by_side(stages, of, 1) == 10 + 4 * 2 + 5
    assert side_by_side(stages, of, 2) == side_by_side(stages, of, 100) == 17
    assert side_by_side(branches, of, 2) == 4
    assert side_by_side([], of, 2) == 0


def test_a_weak_basis_gives_a_range_and_a_good_one_a_number(store):
    assert " to " in printed(make_plan(matrix_of(), store, ONE_CORE))
    finish(store, matrix_of(), slower=1.0)
    assert " to " not in printed(make_plan(matrix_of("seeds=2"), store, ONE_CORE)).split("estimated GPU")[0][-60:]


def printed(plan: Plan) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(plan_table(plan, workers=2))
    return capture.get()
