import subprocess
import sys

import pytest

PAGES = """
import resource
import torch
from gvae.allocator import keep_freed_memory
from gvae.image.registry import Sizes, build_image_model

torch.set_num_threads(1)
kept = {keep} and keep_freed_memory()
model = build_image_model("iwae", Sizes((1, 28, 28)))
generator = torch.Generator().manual_seed(0)
x = torch.rand(128, 1, 28, 28, generator=generator)
for step in range(9):
    if step == 6:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    model.loss(x, None, 1.0, generator).total.backward()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_three_steps_touch_little_memory_for_the_first_time() -> None:
    """Each in a process of its own, as the setting is the process's."""
    kept, pages = _pages(keep=True)
    if not kept:
        pytest.skip("another C library than glibc")
    _, without = _pages(keep=False)
    assert pages < 0.2 * without


def _pages(keep: bool) -> tuple[bool, int]:
    program = PAGES.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kept, pages = done.stdout.split()
    return kept == "True", int(pages)
