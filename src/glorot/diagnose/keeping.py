"""Looking at a network without changing it.

The examination happens on a copy. A module that cannot be copied is examined itself and put back as it was:
tensors, gradients, flags, attributes, hooks. Random number generators are put back in either case.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["borrowed", "random_state_kept"]

Optimizer = torch.optim.Optimizer


@contextmanager
def random_state_kept(seed: int) -> Iterator[None]:
    """Seed torch's, NumPy's and Python's generators inside, and put all of them back after."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


@contextmanager
def borrowed(
    module: nn.Module, optimizer: Optimizer | None
) -> Iterator[tuple[nn.Module, Optimizer | None, bool]]:
    """Give a module and its optimizer for any use, and whether they are copies.

    What is done to them inside has no trace outside.
    """
    try:
        twin, twin_optimizer = copy.deepcopy((module, optimizer))
    except Exception:  # whatever a stranger's module raises when it is copied
        twin, twin_optimizer = module, optimizer
    if twin is not module:
        _drop_hooks(twin_optimizer)
        yield twin, twin_optimizer, True
        return
    put_back = [*_module_keepers(module), *_optimizer_keepers(optimizer)]
    try:
        yield module, optimizer, False
    finally:
        for restore in put_back:
            restore()


def _drop_hooks(optimizer: Optimizer | None) -> None:
    """A copied optimizer keeps hooks that may still point at the original."""
    for name in ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"):
        if optimizer is not None and hasattr(optimizer, name):
            getattr(optimizer, name).clear()


def _module_keepers(module: nn.Module) -> list[Callable[[], None]]:
    keepers = [_keep_attributes(one) for one in module.modules()]
    tensors = [*module.parameters(), *module.buffers()]
    return [*keepers, *(_keep_tensor(tensor) for tensor in tensors)]


def _keep_attributes(module: nn.Module) -> Callable[[], None]:
    """Remember a module's attributes; its dictionaries and lists by what they hold."""
    attributes = dict(vars(module))
    held = {
        name: copy.copy(value)
        for name, value in attributes.items()
        if isinstance(value, (dict, list, set))
    }

    def restore() -> None:
        vars(module).clear()
        vars(module).update(attributes)
        for name, content in held.items():
            value = attributes[name]
            value.clear()
            value.extend(content) if isinstance(value, list) else value.update(content)

    return restore


def _keep_tensor(tensor: torch.Tensor) -> Callable[[], None]:
    value, needed = tensor.detach().clone(), tensor.requires_grad
    gradient = tensor.grad
    gradient_value = None if gradient is None else gradient.detach().clone()

    def restore() -> None:
        with torch.no_grad():
            if not torch.equal(tensor, value):
                tensor.copy_(value)
            tensor.requires_grad_(needed)
            tensor.grad = gradient
            if gradient is not None and gradient_value is not None:
                gradient.copy_(gradient_value)
        if hasattr(tensor, "_glorot_origin"):
            del tensor._glorot_origin

    return restore


def _optimizer_keepers(optimizer: Optimizer | None) -> list[Callable[[], None]]:
    if optimizer is None:
        return []
    state: Any = {p: _cloned(values) for p, values in optimizer.state.items()}
    groups = [{**group, "params": list(group["params"])} for group in optimizer.param_groups]

    def restore() -> None:
        optimizer.state.clear()
        optimizer.state.update(state)
        for group, kept in zip(optimizer.param_groups, groups, strict=True):
            group.clear()
            group.update(kept)

    return [restore]


def _cloned(values: Any) -> Any:
    if isinstance(values, torch.Tensor):
        return values.detach().clone()
    if isinstance(values, dict):
        return {name: _cloned(value) for name, value in values.items()}
    return copy.copy(values)
