"""Where the split of each seed comes from: drawn under a protocol, or read from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch_geometric.data import Data

from gvae.catalog import check_name
from gvae.data import LinkSplit, audit_split, node_ids, split_links
from gvae.data.graph import pair_codes, without_isolated
from gvae.data.split_files import SavedSplit, read_split, write_split
from gvae.errors import InputError, LeakError
from gvae.files import check_target
from gvae.protocols import PROTOCOLS


@dataclass
class SplitSource:
    """The split of each seed under a protocol; the last one is remembered, for several models in turn.

    Parameters
    ----------
    data
        An undirected graph.
    protocol
        What the split, its negatives and its messages are.
    name
        Of the graph, for the names of files.
    read_from
        A file of `gvae.data.split_files`: the split of every seed; or a folder that ``save_to`` filled.
    save_to
        A folder for one file a seed, ``NAME-SEED.npz``; it is made where it is not there.

    Raises
    ------
    InputError
        For an unknown protocol.
    """

    data: Data
    protocol: str = "kipf"
    name: str = "graph"
    read_from: str | Path | None = None
    save_to: str | Path | None = None

    def __post_init__(self) -> None:
        protocol = PROTOCOLS[check_name("protocol", self.protocol, PROTOCOLS)]
        self.data = self.data if protocol.isolated else without_isolated(self.data)
        self._last: tuple[int, LinkSplit] | None = None

    def __call__(self, seed: int) -> LinkSplit:
        """The split of a seed; `check` tells beforehand of most of what can go wrong.

        Raises
        ------
        InputError
            If the graph cannot be split, or the file is not one of this graph and protocol.
        LeakError
            If the file's split leaks.
        """
        if self._last is None or self._last[0] != seed:
            self._last = (seed, self._drawn(seed) if self.read_from is None else self._read(seed))
            if self.save_to is not None:
                self._save(seed, self._last[1])
        return self._last[1]

    @property
    def is_one_file(self) -> bool:
        """Whether every seed has the split of the same file."""
        return self.read_from is not None and not Path(self.read_from).is_dir()

    def check(self, seeds: range | list[int]) -> None:
        """Find out, before any work, whether the files of all seeds are there, or can be written.

        Raises
        ------
        InputError
            If one is missing, cannot be written, or exists: nothing is overwritten. If all seeds share a
            file, also as for reading it.
        LeakError
            If that one leaks.
        """
        if self.read_from is not None:
            for path in {self._source(seed) for seed in seeds}:
                if not path.is_file():
                    raise InputError(f"{path}: no such file")
            if self.is_one_file:
                self._read(seeds[0])
        if self.save_to is not None:
            folder = Path(self.save_to)
            check_target(folder if not folder.is_dir() else self._place(folder, seeds[0]), "--save-split")
            for path in (self._place(folder, seed) for seed in seeds):
                if path.exists():
                    raise InputError(f"{path}: already exists, and nothing is overwritten")

    def _drawn(self, seed: int) -> LinkSplit:
        protocol = PROTOCOLS[self.protocol]
        return split_links(
            self.data,
            protocol.val,
            protocol.test,
            seed=seed,
            val_edges_at_test=protocol.val_edges_at_test,
            order=protocol.order,
            negatives=protocol.negatives,
        )

    def _read(self, seed: int) -> LinkSplit:
        path = self._source(seed)
        saved = read_split(path)
        try:
            self._check_origin(saved)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        report = audit_split(saved.split)
        if not report.clean:
            found = ", ".join(f"{leak.kind} ({leak.where})" for leak in report.leaks)
            raise LeakError(f"{path} leaks: {found}; gvae audit {path} shows where")
        return saved.split.with_features(self.data.x)

    def _check_origin(self, saved: SavedSplit) -> None:
        made_under = saved.source.get("protocol", self.protocol)
        if made_under != self.protocol:
            raise InputError(f"was made under the protocol {made_under}, not {self.protocol}")
        train, _, test = saved.split.parts
        if test.num_nodes != self.data.num_nodes:
            raise InputError(f"has {test.num_nodes} nodes, {self.name} has {self.data.num_nodes}")
        positives = torch.cat([part.positives for part in saved.split.parts], dim=1)
        codes = (pair_codes(pairs, test.num_nodes) for pairs in (positives, self.data.edge_index))
        strange = ~torch.isin(*codes)
        if strange.any():
            src, dst = positives[:, strange][:, 0].tolist()
            raise InputError(f"({src}, {dst}) is no edge of {self.name}: the split is of another graph")
        if self.data.get("edge_weight") is not None and train.edge_weight is None:
            raise InputError(f"has no weights, {self.name} has: read the graph without its weights")
        if not train.positives.size(1) or not test.positives.size(1):
            raise InputError("its train or test part is empty")

    def _save(self, seed: int, split: LinkSplit) -> None:
        folder = Path(str(self.save_to))
        folder.mkdir(exist_ok=True)
        source = {"dataset": self.name, "protocol": self.protocol, "seed": seed}
        ids = None if self.data.get("node_ids") is None else node_ids(self.data).to_list()
        write_split(self._place(folder, seed), split, node_ids=ids, source=source)

    def _source(self, seed: int) -> Path:
        path = Path(str(self.read_from))
        return self._place(path, seed) if path.is_dir() else path

    def _place(self, folder: Path, seed: int) -> Path:
        return folder / f"{self.name.strip('./').replace('/', '-')}-{seed}.npz"


def protocol_of(path: str | Path) -> str | None:
    """The protocol that a saved split, or the first one of a folder, was made under; None if it does not say.

    Raises
    ------
    InputError
        If there is no such file, or it is no split.
    """
    path = Path(path)
    if path.is_dir():
        path = next(iter(sorted(path.glob("*.npz"))), path)
    found = read_split(path).source.get("protocol")
    return None if found is None else check_name("protocol", str(found), PROTOCOLS)
