"""Figures of merit: arrays in, numbers out."""

from gvae.metrics.clusters import ClusterScores, cluster_scores, conductance, modularity
from gvae.metrics.links import HITS, Scores, check_candidates, figures, link_scores, ranks
from gvae.metrics.runs import mean_of, std_of

__all__ = [
    "HITS",
    "ClusterScores",
    "Scores",
    "check_candidates",
    "cluster_scores",
    "conductance",
    "figures",
    "link_scores",
    "mean_of",
    "modularity",
    "ranks",
    "std_of",
]
