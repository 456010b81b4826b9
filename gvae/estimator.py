"""`GraphAutoencoder`: a graph goes in; embeddings, clusters and missing links come out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from torch import Tensor
from torch_geometric.data import Data

import gvae
from gvae.bundle import read_bundle, write_bundle
from gvae.catalog import LOSSES, MODELS, check_name
from gvae.config import TrainConfig
from gvae.data import LinkPart, LinkSplit, read_graph, split_links
from gvae.data.graph import as_undirected, num_non_edges, without_features
from gvae.data.join import extend_graph
from gvae.data.nodes import as_ids, node_ids, positions
from gvae.data.pairs import find_pairs, read_pairs
from gvae.data.tensors import graph_hash
from gvae.embeddings import embedding_frame
from gvae.environment import resolve_device
from gvae.errors import GvaeError, GvaeWarning, InputError, TrainingError
from gvae.layers import propagate
from gvae.models import GraphModel, build
from gvae.planning import Plan, plan_training
from gvae.presets import Preset
from gvae.ranking import Filters, Ranking, top_pairs, top_per_node
from gvae.saving import restore, to_bundle
from gvae.scoring import CALIBRATION_NEGATIVES, calibrate, evaluate
from gvae.train import Checkpoint, EpochRecord, History, LinkTask, fit


class NotTrainedError(GvaeError, NotFittedError):  # type: ignore[misc]
    """A result was asked of a `GraphAutoencoder` that was neither fitted nor loaded."""


class GraphAutoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A graph autoencoder in scikit-learn's manners, for a graph of one's own.

    By default `fit` holds out a little of the graph, 5 % of its edges: they choose the epoch and turn scores
    into probabilities. ``val=0`` learns from all edges and keeps the last epoch.

    Parameters
    ----------
    model
        A name of ``gvae models``.
    hidden, latent
        Channels of the first layer, dimensions of z.
    features
        Whether node features are used, where the graph has them; without them X = I.
    epochs, lr, beta, patience
        As in `gvae.train.TrainConfig`.
    loss
        ``"full"``, ``"sampled"``, ``"quadratic"``, ``"squared"``, or ``"auto"``: full up to 30,000 nodes,
        sampled beyond.
    block
        Rows of logits held at a time, see `gvae.TrainConfig`.
    val
        Share of the edges that is held out, in [0, 1).
    seed
        Of all that is random; the same seed gives the same numbers.
    device
        ``"auto"`` (CUDA where there is one), ``"cpu"`` or ``"cuda"``.

    Attributes
    ----------
    embedding_
        Mean of z with messages along all edges, ``(N, latent)``, float32, in the order of ``node_ids_``.
    node_ids_
        The user's ids, a list.
    labels_
        What `cluster` found last, ``(N,)``.
    graph_
        The graph as it was learned, undirected.
    model_
        The trained `gvae.models.GraphModel`.
    history_
        The `gvae.train.History` of training.
    val_scores_
        `gvae.metrics.Scores` on the held-out edges, which chose the epoch; ``None`` without any.
    held_out_
        Number of held-out edges.
    calibration_
        From scores to probabilities; ``None`` with fewer than 20 held-out edges. A probability is that of a
        pair which is no known edge, if as many links are missing as were held out, and like those.
    n_features_in_
        Number of node features, 0 without.
    fitted_params_
        The parameters at the time of `fit`.

    Examples
    --------
    >>> from gvae import GraphAutoencoder
    >>> model = GraphAutoencoder().fit("edges.csv")  # doctest: +SKIP
    >>> model.embedding_, model.recommend(k=5)  # doctest: +SKIP
    """

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn should know: a graph is checked by us, it is no matrix of features."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.no_validation = True
        return tags

    def __init__(
        self,
        model: str = "vgae",
        *,
        hidden: int = 32,
        latent: int = 16,
        features: bool = True,
        epochs: int = 200,
        lr: float = 0.01,
        beta: float = 1.0,
        loss: str = "auto",
        block: int | None = None,
        patience: int | None = None,
        val: float = 0.05,
        seed: int = 0,
        device: str = "auto",
    ) -> None:
        self.model = model
        self.hidden = hidden
        self.latent = latent
        self.features = features
        self.epochs = epochs
        self.lr = lr
        self.beta = beta
        self.loss = loss
        self.block = block
        self.patience = patience
        self.val = val
        self.seed = seed
        self.device = device

    def fit(
        self,
        graph: Any,
        y: object = None,
        *,
        on_epoch: Callable[[int, EpochRecord | None], None] | None = None,
        checkpoint: str | Path | None = None,
    ) -> Self:
        """Learn a graph.

        Parameters
        ----------
        graph
            Whatever `gvae.data.read_graph` reads; for its options call that first. Directed edges are
            learned as undirected: the scores of the models here are symmetric.
        y
            Not used; scikit-learn's manners.
        on_epoch
            Called after each epoch with its number and its record, if it was recorded.
        checkpoint
            Folder that keeps the state of training now and then; if it holds one of the same graph and
            settings, training goes on from there, to the same numbers. It is left for the caller to remove.

        Raises
        ------
        InputError
            If the graph or a parameter cannot be used, or training needs more memory than is free.
        TrainingError
            If training diverges. Where an epoch before that was good (``error.history.epoch`` is above 0),
            this object is fitted with the weights of the best one.
        """
        preset = self._preset()
        data = _read(graph)
        if data.num_edges == 0:
            raise InputError(f"the graph has {data.num_nodes} nodes and no edges; there is nothing to learn")
        device = resolve_device(self.device)
        learned = data if self.features else without_features(data)
        plan = self._plan(learned, checkpoint is not None)
        plan.check()
        config = self._config(preset, plan.loss)
        split = _held_out(learned, self.val, self.seed)
        model = build(self.model, learned, hidden=preset.hidden, latent=preset.latent, seed=self.seed)
        development = split.development.to(device)
        task = LinkTask(model.to(device), development)
        keeper = checkpoint and Checkpoint(Path(checkpoint), fingerprint=self._fingerprint(learned))
        try:
            history = fit(task, config, on_epoch=on_epoch, checkpoint=keeper or None)
        except TrainingError as error:
            if error.history is not None and error.history.epoch > 0:
                self._learned(task, learned, error.history)
            raise
        self._learned(task, learned, history)
        return self

    def _learned(self, task: LinkTask, data: Data, history: History) -> None:
        """Set all attributes, from a model that is trained."""
        model, val = task.model, task.development.val
        embedding = model.embed(data)
        if not embedding.isfinite().all():
            raise TrainingError(
                f"the embedding of epoch {history.epoch} is not finite: training diverged; "
                f"try a learning rate below {self.lr:g}"
            )
        if not embedding.any():
            warnings.warn(
                "the embedding is 0 for every node: training collapsed; "
                f"try a learning rate below {self.lr:g}",
                GvaeWarning,
                stacklevel=3,
            )
        self.fitted_params_ = self.get_params()
        self.history_ = history
        self.held_out_ = val.positives.size(1)
        self.val_scores_ = evaluate(model, val) if self.held_out_ else None
        self.calibration_ = calibrate(model, val, data, seed=self.seed)
        self._keep(model, data, embedding.numpy())

    def plan(self, graph: Any, *, checkpoint: bool = False) -> Plan:
        """What `fit` would hold in memory, with which loss, and whether it fits; nothing is trained.

        Parameters
        ----------
        graph
            As for `fit`.
        checkpoint
            Whether the state of training would be kept.

        Raises
        ------
        InputError
            If the graph or a parameter cannot be used.
        """
        data = _read(graph)
        return self._plan(data if self.features else without_features(data), checkpoint)

    def fit_transform(self, graph: Any, y: object = None) -> NDArray[np.float32]:
        """`fit`, then ``embedding_``."""
        return self.fit(graph).embedding_

    def transform(self, graph: Any, *, extend: bool = False) -> NDArray[np.float32]:
        """Embed the nodes of a graph with what was learned, new nodes and other graphs too.

        Parameters
        ----------
        graph
            Whatever `gvae.data.read_graph` reads, with the same features (read them with
            ``like=model.graph_``, so that they are encoded alike). For a model without features its nodes
            are known by their ids; new ones are embedded by their neighbours.
        extend
            Whether messages pass along the edges of the learned graph too, joined by id; by default the
            graph stands alone.

        Returns
        -------
        NDArray[np.float32]
            Mean of z for each node of ``graph``, in its order, ``(N, latent)``.

        Raises
        ------
        InputError
            If it has other features, or, without features, no node that is known.
        """
        self._check_trained()
        asked = _read(graph)
        whole = extend_graph(self.graph_, asked) if extend else asked
        z = self.model_.embed(whole, self._inputs(whole)).numpy()
        embedding: NDArray[np.float32] = z[positions(node_ids(whole), node_ids(asked))]
        lost = int((embedding == 0).all(axis=1).sum())
        if lost:
            warnings.warn(
                f"{lost} of {len(embedding)} nodes have nothing that is known near them: their vectors are 0",
                GvaeWarning,
                stacklevel=2,
            )
        return embedding

    def score(self, graph: Any, y: object = None) -> float:
        """AUC on a graph: 10 % of its edges are hidden, and ranked by an embedding from the others.

        Of the graph that was learned the figure is too good: its edges were learned. ``gvae bench`` measures.
        """
        self._check_trained()
        asked = _read(graph)
        part = split_links(asked, val=0, test=0.1, seed=self.seed).test
        x = self._inputs(asked)
        part = LinkPart(x, part.num_nodes, part.edge_index, part.positives, part.negatives, part.edge_weight)
        return evaluate(self.model_, part.to(self._device())).auc

    @torch.no_grad()
    def score_edges(self, pairs: Any) -> pl.DataFrame:
        """Score node pairs.

        Parameters
        ----------
        pairs
            Pairs of ids: a list of tuples, an array ``(P, 2)``, or a frame whose first two columns hold them.

        Returns
        -------
        polars.DataFrame
            ``source, target, score`` and, with a calibration, ``probability``, in the order of ``pairs``. The
            score is a logit. It and the probability are null where an id is unknown, which is warned of.

        Raises
        ------
        InputError
            If ``pairs`` are no pairs.
        """
        self._check_trained()
        frame = read_pairs(pairs)
        index = find_pairs(node_ids(self.graph_), frame)
        known = (index >= 0).all(dim=0)
        scores = self.model_.decode(self._z(), index[:, known].to(self._device())).cpu()
        scored = pl.DataFrame([pl.Series("row", known.nonzero()[:, 0].numpy()), *self._scored(scores)])
        return (
            frame.with_row_index("row")
            .join(scored.cast({"row": pl.UInt32}), on="row", how="left", maintain_order="left")
            .drop("row")
        )

    def recommend(
        self,
        nodes: Iterable[Any] | None = None,
        k: int = 10,
        *,
        overall: bool = False,
        min_score: float | None = None,
        max_degree: int | None = None,
        sides: Sequence[Any] | None = None,
        approximate: bool | None = None,
    ) -> pl.DataFrame:
        """Find the most likely missing links: the pairs that score highest and are not edges.

        Parameters
        ----------
        nodes
            Ids of the nodes to find partners for; by default all.
        k
            Partners a node, or, with ``overall``, pairs in all.
        overall
            The best pairs of the graph instead of the best partners of each node.
        min_score
            Least score, a logit.
        max_degree
            Nodes with more edges are left out; see `gvae.ranking.Filters`.
        sides
            For bipartite graphs: each node's side, two different values in the order of ``node_ids_``; only
            pairs across are considered.
        approximate
            Search an approximate index (extra ``ann``), for partners of nodes only; by default above
            `gvae.ranking.EXACT_UP_TO` pairs, where it is installed.

        Returns
        -------
        polars.DataFrame
            ``source, target, score, rank`` and, with a calibration, ``probability``, best first.

        Raises
        ------
        InputError
            For an unknown id, or an argument out of range.
        """
        self._check_trained()
        filters = Filters(min_score, max_degree, None if sides is None else self._sides(sides))
        z, decoder = self._z(), self.model_.decoder
        known = self.graph_.edge_index.to(z.device)
        if overall:
            if nodes is not None:
                raise InputError("overall ranks all pairs of the graph: leave nodes out")
            ranking = top_pairs(decoder, z, k, known=known, filters=filters)
        else:
            asked = torch.from_numpy(self._asked(nodes)).to(z.device)
            ranking = top_per_node(
                decoder, z, asked, k, known=known, filters=filters, approximate=approximate
            )
        return self._ranking_frame(ranking)

    def cluster(
        self, k: int | None = None, *, method: str = "kmeans", smooth: int = 0, restarts: int = 10
    ) -> NDArray[np.int64]:
        """Group the nodes by their embedding, see `gvae.clustering.cluster`; kept in ``labels_``.

        With ``smooth`` each row is first averaged so many times with its neighbours', see `smoothed`.
        """
        z = self.smoothed(smooth)
        from gvae.clustering import cluster

        self.labels_ = cluster(z, k, method=method, seed=self.seed, restarts=restarts)
        return self.labels_

    def smoothed(self, steps: int) -> NDArray[np.float32]:
        """The embedding after so many more rounds of messages, ``A~^t Z``, see `gvae.layers.propagate`."""
        self._check_trained()
        z: NDArray[np.float32] = propagate(
            torch.from_numpy(self.embedding_),
            self.graph_.edge_index,
            steps,
            self.graph_.get("edge_weight"),
        ).numpy()
        return z

    def embedding_frame(self) -> pl.DataFrame:
        """The embedding as a frame ``id, z0, z1, ...``."""
        self._check_trained()
        return embedding_frame(node_ids(self.graph_), self.embedding_)

    def save(self, folder: str | Path, *, manifest: Mapping[str, Any] | None = None) -> None:
        """Write all that was learned, with the graph, to a new folder: a bundle, see `gvae.bundle`.

        Parameters
        ----------
        folder
            It must not exist; it is there whole or not at all.
        manifest
            What else is to be told about the run, JSON values by name.

        Raises
        ------
        InputError
            If the folder exists, or its parent does not.
        OutputError
            If it cannot be written.
        """
        self._check_trained()
        write_bundle(folder, **to_bundle(self, manifest or {}))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a folder that `save` or ``gvae train`` wrote.

        Raises
        ------
        InputError
            If it is no bundle, is damaged or changed, or was written by a newer version.
        """
        bundle = read_bundle(folder)
        try:
            self = cls(**bundle.config["parameters"])
            restore(self, bundle)
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, RuntimeError) as error:  # whole, but not what save wrote
            raise InputError(f"{folder}: does not hold a GraphAutoencoder ({error!r})") from error
        return self

    def _preset(self) -> Preset:
        """The sizes and settings, checked."""
        check_name("model", self.model, MODELS)
        check_name("loss", self.loss, (*LOSSES, "auto"))
        if not isinstance(self.val, Real) or not 0 <= self.val < 1:
            raise InputError(f"val must be a share in [0, 1), got {self.val!r}")
        settings = {"epochs": self.epochs, "lr": self.lr, "beta": self.beta, "patience": self.patience}
        settings["block"] = self.block
        return Preset().override(hidden=self.hidden, latent=self.latent, **settings)

    def _config(self, preset: Preset, loss: str) -> TrainConfig:
        return replace(preset.train, loss=loss, select="val" if self.val else "last", seed=self.seed)

    def _plan(self, data: Data, checkpoint: bool) -> Plan:
        scored = min(CALIBRATION_NEGATIVES, num_non_edges(data)) if self.val else 0
        return plan_training(
            data,
            self.model,
            self._preset(),
            resolve_device(self.device),
            loss=self.loss,
            scored=scored,
            checkpoint=checkpoint,
        )

    def _fingerprint(self, data: Data) -> dict[str, Any]:
        versions = {"gvae": gvae.__version__, "torch": torch.__version__}
        return {"model": self.model, "val": self.val, "graph": graph_hash(data), **versions}

    def _keep(self, model: GraphModel, data: Data, embedding: NDArray[np.float32]) -> None:
        """Set the attributes that `fit` and `load` both leave behind."""
        self.model_, self.graph_, self.embedding_ = model, data, embedding
        self.__dict__.pop("labels_", None)  # of another embedding
        self.node_ids_ = node_ids(data).to_list()
        self.n_features_in_ = 0 if data.x is None else int(data.x.size(1))

    def _check_trained(self) -> None:
        if not hasattr(self, "model_"):
            raise NotTrainedError("this GraphAutoencoder is not fitted yet; call fit or load first")

    def _device(self) -> torch.device:
        return next(self.model_.parameters()).device

    def _z(self) -> Tensor:
        return torch.from_numpy(self.embedding_).to(self._device())

    def _inputs(self, data: Data) -> Tensor | None:
        """Another graph's features as the model takes them; one-hot by id if it learned without any."""
        learned = self.graph_
        if learned.x is not None:
            width = 0 if data.x is None else data.x.size(1)
            if width != learned.x.size(1):
                raise InputError(f"the graph must have {learned.x.size(1)} node features, got {width}")
            if data.get("feature_columns", mine := learned.get("feature_columns")) != mine:
                raise InputError(
                    "the features are encoded otherwise than those learned; "
                    "read the graph with like=model.graph_"
                )
            x: Tensor | None = data.x
            return x
        known = positions(node_ids(learned), node_ids(data))
        rows = np.flatnonzero(known >= 0)
        if not len(rows):
            raise InputError("the model was trained without features and knows none of these nodes")
        index = torch.from_numpy(np.stack([rows, known[rows]]))
        size = (int(data.num_nodes or 0), int(learned.num_nodes or 0))
        return torch.sparse_coo_tensor(index, torch.ones(len(rows)), size).to_sparse_csr()

    def _asked(self, nodes: Iterable[Any] | None) -> NDArray[np.int64]:
        ids = node_ids(self.graph_)
        if nodes is None:
            return np.arange(len(ids))
        wanted = as_ids([nodes] if isinstance(nodes, str) else nodes, "nodes")
        found = positions(ids, wanted)
        if (found < 0).any():
            unknown = wanted.filter(pl.Series(found < 0))
            raise InputError(f"nodes: {len(unknown)} ids are not in the graph, such as {unknown[0]!r}")
        return found

    def _sides(self, sides: Sequence[Any]) -> Tensor:
        names, side = np.unique(np.asarray([str(side) for side in sides]), return_inverse=True)
        if len(side) != len(self.node_ids_) or len(names) != 2:
            raise InputError(
                f"sides must hold two different values for {len(self.node_ids_)} nodes, "
                f"got {len(names)} for {len(side)}"
            )
        return torch.from_numpy(side).to(self._device())

    def _ranking_frame(self, ranking: Ranking) -> pl.DataFrame:
        ids, (source, target) = node_ids(self.graph_), ranking.pairs.cpu().numpy()
        frame = pl.DataFrame({"source": ids[source], "target": ids[target]})
        return frame.with_columns(
            *self._scored(ranking.scores), pl.Series("rank", ranking.rank.cpu().numpy())
        )

    def _scored(self, scores: Tensor) -> list[pl.Series]:
        """Scores as columns: the logit and, with a calibration, the probability."""
        columns = [pl.Series("score", scores.double().cpu().numpy())]
        if self.calibration_ is not None:
            prior = self.held_out_ / (self.held_out_ + num_non_edges(self.graph_))
            probability = self.calibration_.probability(scores.double().cpu(), prior)
            columns.append(pl.Series("probability", probability.numpy()))
        return columns


def _read(graph: Any) -> Data:
    data = read_graph(graph, directed=isinstance(graph, Data))  # a Data has been read already
    learned = as_undirected(data)
    if learned is not data:
        warnings.warn(
            "the directions of the edges are not learned: scores are symmetric", GvaeWarning, stacklevel=3
        )
    return learned


def _held_out(data: Data, val: float, seed: int) -> LinkSplit:
    try:
        return split_links(data, val=val, test=0, seed=seed)
    except InputError as error:
        if val == 0:
            raise
        raise InputError(f"{error}; val=0 (--val 0) holds nothing out") from error
