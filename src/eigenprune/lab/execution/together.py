"""What a stack does: train networks of one form side by side, or prune and evaluate them.

The runs and, up to rounding, the results are the same as with `protocols.compute` run by run.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from eigenprune.cuda_graphs import own_stream
from eigenprune.ensemble import train_together
from eigenprune.lab import datasets, devices
from eigenprune.lab.errors import ExecutorError
from eigenprune.lab.execution.one_shape import of_one_shape
from eigenprune.lab.execution.tasks import OnUnits, Places, Stopped, Task
from eigenprune.lab.execution.work import work
from eigenprune.lab.protocols import (
    DIVERGED,
    initial_network,
    keep,
    nodes_kept,
    one_thread,
    pruned,
    pruning_result,
    trained_network,
    training_result,
)
from eigenprune.lab.runs import Pruning, Run, Training, run_id, training_of
from eigenprune.lab.spectral_history import Watcher, watcher_of
from eigenprune.lab.store import Busy, Store
from eigenprune.pruning import compact, masked


def compute_together(
    task: Task, places: Places, report: OnUnits, stopped: Callable[[], bool]
) -> bool:
    """Compute the runs of a task as one stack, see `compute.compute_task`.

    Runs that are in the store already, or that another sweep is computing, stay out of the stack.
    Each run is kept under its own id, with its share of the time.
    """
    with ExitStack() as claims:
        runs, complete = _claim(task, Store(places.store), claims, stopped)
        if runs:
            _Stack(runs, places, report, stopped).compute()
    return complete


def _claim(
    task: Task, store: Store, claims: ExitStack, stopped: Callable[[], bool]
) -> tuple[list[Run], bool]:
    """Claim the runs that are to be done; the second value is False if another sweep has some."""
    mine: list[Run] = []
    complete = True
    for run in task.runs:
        name = run_id(run)
        if name in store:
            continue
        try:
            with ExitStack() as claim:
                # A sweep that holds claims must not wait for more: two would wait for each other.
                wait = task.wait and not mine
                claim.enter_context(store.claim(name, wait=wait, stopped=stopped))
                if name not in store:
                    mine.append(run)
                    claims.enter_context(claim.pop_all())
        except Busy:
            if stopped():
                raise Stopped from None
            complete = False
    return mine, complete


class _Stack:
    """Runs of one form that this process has claimed, and what computing them needs."""

    def __init__(
        self, runs: list[Run], places: Places, report: OnUnits, stopped: Callable[[], bool]
    ) -> None:
        self.runs = runs
        self.places = places
        self.store = Store(places.store)
        self.report = report
        self.stopped = stopped
        self.form = training_of(runs[0])

    def compute(self) -> None:
        device = torch.device(self.places.device)
        with one_thread(), devices.full_precision(device), own_stream(device):
            try:
                name = self.form.dataset
                with _loading:
                    self.data = _on_device(datasets.find(name), name, self.places.data, device)
                if isinstance(self.runs[0], Training):
                    self._train(cast(list[Training], self.runs))
                else:
                    self._prune(cast(list[Pruning], self.runs))
            except torch.OutOfMemoryError as error:
                raise ExecutorError(
                    f"--device {device}: too little memory is free for {len(self.runs)} networks "
                    f"{'-'.join(map(str, self.form.hidden))}; finished runs are kept, "
                    "`--device cpu` goes on without it"
                ) from error

    def _train(self, runs: list[Training]) -> None:
        start = time.perf_counter()
        models = [initial_network(run) for run in runs]
        watchers = [watcher_of(run) for run in runs]
        trained = self._fit(models, runs, self.form.epochs, "order", watchers)
        results = [training_result(model, losses, self.data) for model, losses in trained]
        seconds = (time.perf_counter() - start) / len(runs)
        for run, result, (model, _), watcher in zip(runs, results, trained, watchers, strict=True):
            self._keep(run, result, seconds, len(runs), model, watcher)

    def _prune(self, runs: list[Pruning]) -> None:
        wholes = {
            training: trained_network(training, self.store, self.places.data)
            for training in {run.training for run in runs}
        }
        ready: list[tuple[Pruning, nn.Sequential]] = []
        for run in runs:
            whole = wholes[run.training]
            if whole is None:
                self._keep(run, DIVERGED, 0.0)
                self.report(work(run))
            else:
                ready.append((run, whole))
        if not ready:
            return
        if runs[0].retraining_epochs:
            self._retrain(ready)
        else:
            self._look(ready)

    def _retrain(self, ready: list[tuple[Pruning, nn.Sequential]]) -> None:
        start = time.perf_counter()
        runs = [run for run, _ in ready]
        # Ranked on the CPU: the same weights lose the same nodes, whatever device retrains them.
        kept = [nodes_kept(run, whole, self.places.data) for run, whole in ready]
        cut = of_one_shape([whole for _, whole in ready], kept)
        models = [masked(model, masks).requires_grad_(True) for model, masks in cut]
        trained = self._fit(models, runs, runs[0].retraining_epochs, "retraining")
        results = [
            pruning_result(compact(model, masks), self.data)
            for (model, _), (_, masks) in zip(trained, cut, strict=True)
        ]
        seconds = (time.perf_counter() - start) / len(runs)
        for run, result in zip(runs, results, strict=True):
            self._keep(run, result, seconds, len(runs))

    def _look(self, ready: list[tuple[Pruning, nn.Sequential]]) -> None:
        for run, whole in ready:
            if self.stopped():
                raise Stopped
            start = time.perf_counter()
            model = pruned(run, whole, self.places.data).to(self.places.device)
            result = pruning_result(model, self.data)
            self._keep(run, result, time.perf_counter() - start)
            self.report(work(run))

    def _keep(
        self,
        run: Run,
        result: dict[str, Any],
        seconds: float,
        together: int = 1,
        model: nn.Sequential | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        device = self.places.device
        keep(run, result, self.store, seconds, model, watcher, device=device, together=together)

    def _fit(
        self,
        models: list[nn.Sequential],
        runs: Sequence[Run],
        epochs: int,
        stream: str,
        watchers: Sequence[Watcher | None] = (),
    ) -> list[tuple[nn.Sequential, list[float]]]:
        step = sum(map(work, runs)) / epochs

        def on_epoch(epoch: int, losses: list[float]) -> None:
            if self.stopped():
                raise Stopped
            self.report(step)

        def watch(epoch: int, networks: Sequence[nn.Sequential]) -> None:
            for network, watcher in zip(networks, watchers, strict=True):
                if watcher is not None:
                    watcher(epoch, network)

        return train_together(
            models,
            self.data.train_inputs,
            self.data.train_targets,
            epochs=epochs,
            batch_size=self.form.batch_size,
            learning_rate=self.form.learning_rate,
            seeds=[training_of(run).seed for run in runs],
            stream=stream,
            on_epoch=on_epoch,
            watch=watch if any(watchers) else None,
        )


_loading = threading.Lock()  # threads that share a GPU share the data on it


@cache
def _on_device(
    source: datasets.Source, name: str, data_dir: Path, device: torch.device
) -> datasets.Dataset:
    """A dataset on a device, moved there once in a process."""
    data = datasets.load_from(source, name, data_dir)
    tensors = {
        field.name: getattr(data, field.name).to(device)
        for field in fields(data)
        if field.name != "name"
    }
    return replace(data, **tensors)
