"""All that a run needs, imported at once; for the fork server, whose children share it.

No garbage is collected meanwhile, which halves the time, nor looked for among it later, so that children go
on sharing its memory.
"""

import gc

gc.disable()
try:
    import gvae.experiment  # noqa: F401
finally:
    gc.freeze()
    gc.enable()
