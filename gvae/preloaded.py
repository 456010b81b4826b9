"""All that a run needs, imported at once; for the fork server, whose children share it.

No garbage is collected meanwhile, which halves the time, nor looked for among it later, so that children go
on sharing its memory.
"""

import gc

gc.disable()

import gvae.experiment  # noqa: E402, F401

gc.freeze()
gc.enable()
