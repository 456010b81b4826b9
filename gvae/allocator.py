"""Memory that one training step frees is kept for the next, not handed back and zeroed anew by the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

LARGEST = 2**25
"""Bytes of a block that is kept; older glibc takes no larger bound, and larger blocks are mapped."""

KEPT = 2**28
"""Bytes of free memory at the end of the heap beyond which it is handed back."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's <malloc.h>


@cache
def keep_freed_memory() -> bool:
    """Tell the C library so, once for the process; whether it listened: glibc alone does.

    Without it glibc hands memory back whenever twice the largest block so far is free at the end of the heap,
    some 2 MB when a few hundred images pass a decoder, in every step. What a user has set by
    ``MALLOC_MMAP_THRESHOLD_`` and ``MALLOC_TRIM_THRESHOLD_`` is replaced.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library than glibc
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGEST) and mallopt(_M_TRIM_THRESHOLD, KEPT))
