"""What several test files of the image module share."""

from __future__ import annotations

import pytest

from gvae.image.images import ImageSplit
from gvae.image.sources import load_images


@pytest.fixture(scope="session")
def digits() -> ImageSplit:
    """scikit-learn's digits, 1 x 8 x 8."""
    return load_images("digits")
