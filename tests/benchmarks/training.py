"""Samples per second of `train()` beside the usual PyTorch loop and beside its matrix products alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ae_core.data import prepare
from ae_core.events import Finished
from ae_core.sizes import picture_sizes, widths
from ae_core.spec import RunSpec, changed
from ae_core.training import train, train_many
from tests.benchmarks.measure import rates, table

KINDS = ("digits", "mnist5k")
EPOCHS = {"digits": 6, "mnist5k": 3}  # of one call of train(), so that one call takes about as long as one turn
NETWORKS = {
    ("digits", (32,)): (32, 128),
    ("digits", (128, 64)): (32, 128, 512),
    ("mnist5k", (256, 64)): (128, 512),
}
"""Dataset, neurons down to the code of 2, and batch sizes."""
TOGETHER = 16
LONG = 30  # epochs of the runs that are trained together, the default


def run() -> Iterator[str]:
    """The tables, all on one torch thread."""
    torch.set_num_threads(1)
    head = ["samples/s", "`train()`", "usual loop", "in memory", "products alone"]
    head += ["x usual loop", "x in memory", "share of products"]
    yield table(head, [dense(kind, hidden, batch) for (kind, hidden), each in NETWORKS.items() for batch in each])
    yield table([head[0], head[1], head[2], head[5]], [convolutional(kind) for kind in KINDS])
    head = ["samples/s", "`train_many()`", "`train()`, in turn", "in memory, in turn", "x `train()`", "x in memory"]
    yield table(head, [together(batch) for batch in (32, 128)])


def dense(kind: str, hidden: tuple[int, ...], batch: int) -> list[str]:
    """A row for a dense network: `train()` beside the usual loop, the same in memory, and the products alone."""
    spec = changed(RunSpec(), {"data_kind": kind, "model_hidden": hidden, "training_batch_size": batch})
    found = rates(
        {
            "train": whole_run(spec, 10 * EPOCHS[kind]),
            "loop": usual_loop(spec, plain_model(widths(spec))),
            "memory": loop_in_memory(spec),
            "products": products(spec),
        }
    )
    ours, loop, memory, limit = (found[name] for name in ("train", "loop", "memory", "products"))
    sizes = "-".join(str(width) for width in widths(spec)[: len(hidden) + 2])
    return [f"{kind}, {sizes}, batch {batch}", *(f"{rate:,.0f}" for rate in (ours, loop, memory, limit))] + [
        f"{ours / loop:.2f}",
        f"{ours / memory:.2f}",
        f"{ours / limit:.2f}",
    ]


def together(batch: int) -> list[str]:
    """A row for many runs that differ in seed and learning rate: side by side, in turn, and in turn by default Adam.

    In turn the rate is that of one run, for the others have the same.
    """
    values = {"model_hidden": (32,), "training_batch_size": batch, "training_epochs": LONG}
    spec = changed(RunSpec(), values)
    specs = [
        changed(spec, {"training_seed": k, "optimizer_learning_rate": 0.001 * (1 + k / TOGETHER)})
        for k in range(TOGETHER)
    ]
    items = len(prepare(spec.data, spec.objective.reconstruction).train)

    def many() -> float:
        finished = [event for _, event in train_many(specs) if isinstance(event, Finished)]
        return float(items * LONG * len(finished))

    found = rates({"many": many, "train": whole_run(spec, LONG), "memory": loop_in_memory(spec)}, rounds=3)
    ours, turn, memory = found["many"], found["train"], found["memory"]
    rates_of = [f"{rate:,.0f}" for rate in (ours, turn, memory)]
    return [
        f"{TOGETHER} x digits, 64-32-2, batch {batch}",
        *rates_of,
        f"{ours / turn:.2f}",
        f"{ours / memory:.2f}",
    ]


def convolutional(kind: str) -> list[str]:
    """A row for a convolutional network: `train()` beside the usual loop with the same layers."""
    spec = changed(RunSpec(), {"data_kind": kind, "model_kind": "conv", "training_batch_size": 128})
    found = rates(
        {"train": whole_run(spec, EPOCHS[kind]), "loop": usual_loop(spec, plain_convolutions(spec))}, rounds=3
    )
    ours, loop = found["train"], found["loop"]
    return [f"{kind}, convolutional, batch 128", f"{ours:,.0f}", f"{loop:,.0f}", f"{ours / loop:.2f}"]


def whole_run(spec: RunSpec, epochs: int) -> Callable[[], float]:
    """`train()` as it is shipped: snapshots, validation and events included, from the call to the last event.

    A short run has its start-up in it (model, PCA reference, first measurement); samples are counted over that too.
    """
    short = changed(spec, {"training_epochs": epochs})
    items = len(prepare(spec.data, spec.objective.reconstruction).train)

    def call() -> float:
        *_, last = train(short)
        assert isinstance(last, Finished)
        return float(items * short.training.epochs)

    return call


def usual_loop(spec: RunSpec, model: nn.Module) -> Callable[[], float]:
    """What a tutorial writes: DataLoader over a TensorDataset, default Adam, `loss.item()` in each step."""
    data = torch.from_numpy(prepare(spec.data, spec.objective.reconstruction).train)
    loader = DataLoader(TensorDataset(data), batch_size=spec.training.batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.optimizer.learning_rate)

    def epoch() -> float:
        total = 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return float(len(data))

    return epoch


def loop_in_memory(spec: RunSpec) -> Callable[[], float]:
    """What is free for all: batches by index out of one tensor, nothing read off in a step; still default Adam."""
    data = torch.from_numpy(prepare(spec.data, spec.objective.reconstruction).train)
    model = plain_model(widths(spec))
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.optimizer.learning_rate)

    def epoch() -> float:
        for rows in torch.randperm(len(data)).split(spec.training.batch_size):
            x = data[rows]
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), x).backward()
            optimizer.step()
        return float(len(data))

    return epoch


def plain_model(sizes: tuple[int, ...]) -> nn.Sequential:
    """The same network in plain PyTorch: ReLU after each hidden layer, none after the code and the output."""
    middle = len(sizes) // 2
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        layers.append(nn.Linear(a, b))
        if i not in (middle, len(sizes) - 1):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def plain_convolutions(spec: RunSpec) -> nn.Sequential:
    """The same convolutional network in plain PyTorch, with the usual memory layout."""
    first, *rest = picture_sizes(spec)
    middle, latent = rest[-1], spec.model.code.latent_dim
    layers: list[nn.Module] = [nn.Unflatten(1, (first[2], *first[:2]))]
    for before, after in pairwise((first, *rest)):
        layers += [nn.Conv2d(before[2], after[2], 3, stride=2, padding=1), nn.ReLU()]
    numbers = math.prod(middle)
    layers += [nn.Flatten(), nn.Linear(numbers, latent), nn.Linear(latent, numbers), nn.ReLU()]
    layers.append(nn.Unflatten(1, (middle[2], *middle[:2])))
    for before, after in pairwise((*reversed(rest), first)):
        layers += [nn.Upsample(size=after[:2]), nn.Conv2d(before[2], after[2], 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten())


def products(spec: RunSpec) -> Callable[[], float]:
    """Only the matrix products of a step, back to back into buffers: no step can be faster than these.

    Each layer has three (output, gradient of its input, gradient of its weights) but the first, whose input needs none.
    """
    batch = spec.training.batch_size
    calls = list(layer_products(widths(spec), batch))

    def step() -> float:
        for a, b, out in calls:
            torch.mm(a, b, out=out)
        return float(batch)

    return step


def layer_products(sizes: tuple[int, ...], batch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """(left, right, result) of each product."""
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        x, weight, delta = torch.randn(batch, a), torch.randn(b, a), torch.randn(batch, b)
        yield x, weight.t(), torch.empty(batch, b)
        yield delta.t(), x, torch.empty(b, a)
        if i:
            yield delta, weight, torch.empty(batch, a)
