"""A VAE of images as plain PyTorch scripts train it, after pytorch/examples: the peer of `images.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

HIDDEN, LATENT, BATCH, LR = 400, 20, 128, 1e-3


class PlainVAE(nn.Module):
    """Pixels - 400 - 20 - 400 - pixels; the second head gives ``log sigma^2``."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(pixels, HIDDEN)
        self.mean = nn.Linear(HIDDEN, LATENT)
        self.logvar = nn.Linear(HIDDEN, LATENT)
        self.fc2 = nn.Linear(LATENT, HIDDEN)
        self.fc3 = nn.Linear(HIDDEN, pixels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of images from one draw of z, its mean and ``log sigma^2``; x is ``(n, pixels)``."""
        hidden = functional.relu(self.fc1(x))
        mean, logvar = self.mean(hidden), self.logvar(hidden)
        std = torch.exp(0.5 * logvar)
        z = mean + torch.randn_like(std) * std
        return self.fc3(functional.relu(self.fc2(z))), mean, logvar


def loss_of(model: PlainVAE, x: Tensor, with_logits: bool = False) -> Tensor:
    """The negative ELBO, summed over the images; by a sigmoid and its logarithms, or by both in one."""
    x = x.view(len(x), -1)
    logits, mean, logvar = model(x)
    if with_logits:
        cross_entropy = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    else:
        cross_entropy = functional.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
    return cross_entropy + kl


def train(dataset: Any, pixels: int, epochs: int, seed: int, with_logits: bool = False) -> PlainVAE:
    """Train as the scripts do: `DataLoader`, Adam, the loss read at each step.

    Parameters
    ----------
    dataset
        A `TensorDataset` of images, or anything whose items are images.
    with_logits
        As in `loss_of`.
    """
    torch.manual_seed(seed)
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    model = PlainVAE(pixels)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    model.train()
    for _ in range(epochs):
        train_loss = 0.0
        for batch in loader:
            x = batch if isinstance(batch, Tensor) else batch[0]
            optimizer.zero_grad()
            loss = loss_of(model, x, with_logits)
            loss.backward()  # type: ignore[no-untyped-call]
            train_loss += loss.item()
            optimizer.step()
    return model


class Pictures(Dataset[Tensor]):
    """Images as bytes; each becomes a picture and then a tensor when it is asked for.

    As torchvision's ``MNIST`` with ``ToTensor`` does it, which the example reads from; without the labels.
    """

    def __init__(self, x: Tensor) -> None:
        self.data = (255 * x[:, 0]).round().to(torch.uint8)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.data[index].numpy())
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        return pixels.view(*pixels.shape, 1).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
