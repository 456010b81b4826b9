"""Whether a model can still be used: its weights are finite."""

from __future__ import annotations

from torch import Tensor, nn

from gvae.errors import InputError


def non_finite(model: nn.Module) -> str | None:
    """The first of a model's weights and buffers that is not finite: ``"nan in encoder.W0.lin.weight"``."""
    for name, value in model.state_dict().items():
        if isinstance(value, Tensor) and not (finite := value.isfinite()).all():
            return f"{value[~finite][0].item()} in {name}"
    return None


def check_weights(model: nn.Module) -> None:
    """Raise ``InputError`` if a weight or buffer of a model holds NaN or an infinite number."""
    if found := non_finite(model):
        raise InputError(f"the model's weights must be finite, got {found}; build or load it anew")
