"""Speed and memory of gvae and its peers: ``python -m benchmarks.speed``, see ``benchmarks/README.md``."""
