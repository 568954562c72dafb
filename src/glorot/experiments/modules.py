"""Torch modules that are trained side by side, each with its own optimizer, as the frame's tasks want them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from glorot.datasets import Dataset
from glorot.experiments.data import Text
from glorot.experiments.training import Shard

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Modules", "TextShard"]

_RULES = {"sgd": "SGD", "adam": "Adam"}


class Modules:
    """Networks of any shape, each with an optimizer of torch's; nothing that happens in one reaches another.

    Args:
        modules: R networks, from codes (B, T) to logits (B, kinds) for the character after the last, or
            (B, T, kinds) for the character after each.
        groups: of each its trainable parameters and their rates, as torch's optimizers take them.
        optimizer: ``sgd`` or ``adam`` (β 0.9 and 0.999, ε 1e-8).
        updates: after so many updates no weight is needed any more, and none is kept.
    """

    def __init__(
        self,
        modules: Sequence[nn.Module],
        groups: Sequence[list[dict[str, Any]]],
        optimizer: str,
        updates: int,
    ) -> None:
        import torch

        self.modules = list(modules)
        rule = getattr(torch.optim, _RULES[optimizer])
        self.optimizers = [rule(own) for own in groups]
        self._updates, self._steps = updates, 0

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Take one step of every network on its batch, x and y (R, B, T); return the losses, (R,)."""
        import torch

        losses = []
        for module, optimizer, codes, targets in zip(
            self.modules, self.optimizers, x, y, strict=True
        ):
            optimizer.zero_grad()
            loss = self._loss(module, codes, targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        self._steps += 1
        return torch.stack(losses)

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return every network's mean loss on its batch, (R,)."""
        import torch

        with torch.no_grad():
            pairs = zip(self.modules, x, y, strict=True)
            return torch.stack([self._loss(module, *batch) for module, *batch in pairs])

    def shared_loss(self, codes: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return every network's mean loss on the same windows, (R,) float64."""
        import torch

        x, y = torch.as_tensor(codes), torch.as_tensor(targets)
        with torch.no_grad():
            return np.array([float(self._loss(module, x, y)) for module in self.modules])

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all that the next step depends on."""
        held: dict[str, np.ndarray] = {"steps": np.array(self._steps)}
        if self._steps == self._updates:
            return held
        for key, tensor in self._tensors():
            held[key] = tensor.detach().numpy(force=True).copy()
        return held

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` returned."""
        import torch

        self._steps = int(state["steps"])
        if self._steps == self._updates:
            return
        with torch.no_grad():
            for place, (module, optimizer) in enumerate(
                zip(self.modules, self.optimizers, strict=True)
            ):
                for name, parameter in module.named_parameters():
                    stem = f"{place}/{name}"
                    parameter.copy_(torch.as_tensor(state[stem]))
                    slots = {
                        key.rpartition("@")[2]: torch.as_tensor(value).clone()
                        for key, value in state.items()
                        if key.startswith(f"{stem}@")
                    }
                    if slots:
                        optimizer.state[parameter] = slots

    def _tensors(self) -> list[tuple[str, torch.Tensor]]:
        """Parameters, and what the optimizers remember of them, by name."""
        found: list[tuple[str, torch.Tensor]] = []
        for place, (module, optimizer) in enumerate(
            zip(self.modules, self.optimizers, strict=True)
        ):
            for name, parameter in module.named_parameters():
                found.append((f"{place}/{name}", parameter))
                slots = optimizer.state.get(parameter, {})
                found += [
                    (f"{place}/{name}@{slot}", value)
                    for slot, value in slots.items()
                    if value is not None
                ]
        return found

    def _loss(self, module: nn.Module, codes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        logits = module(codes)
        if logits.ndim == 2:
            return functional.cross_entropy(logits, targets[:, -1])
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


@dataclass(frozen=True)
class TextShard(Shard):
    """A shard whose networks are :class:`Modules`; `text` is what they read. A subclass says how they are made."""

    text: Text = field(default_factory=Text)

    def build(self, device: str) -> Any:
        """Return the networks as they are before the first update.

        Raises:
            ValueError: for another device than ``cpu``.
        """
        if device != "cpu":
            raise ValueError(f"device must be cpu for this experiment, got {device!r}")
        return self.networks_on(self.text.load())

    def networks_on(self, dataset: Dataset) -> Modules:
        """Return the networks for the windows of this data set."""
        raise NotImplementedError
