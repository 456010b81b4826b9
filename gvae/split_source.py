"""Where the split of each seed comes from: drawn under a protocol, or read from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch_geometric.data import Data

from gvae.catalog import check_name
from gvae.data import LinkSplit, audit_split, split_links
from gvae.data.graph import without_isolated
from gvae.data.split_files import SavedSplit, read_split, split_hashes, write_split
from gvae.errors import InputError, LeakError
from gvae.files import check_target
from gvae.protocols import PROTOCOLS
from gvae.split_checks import check_fit


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
        A folder for one file a seed, ``NAME-SEED.npz``; it is made where it is not there. Nothing in it is
        overwritten.

    Attributes
    ----------
    kept
        Seeds whose split needs no writing: it was written, in this process or in another.
    is_foreign
        Whether the last split that was read is not what gvae draws for the seed that it names.

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
        self.kept: set[int] = set()
        self.is_foreign = False

    def __call__(self, seed: int) -> LinkSplit:
        """The split of a seed; `check` tells beforehand of most of what can go wrong.

        Raises
        ------
        InputError
            If the graph cannot be split, or the file is not one of this graph and protocol.
        LeakError
            If the file's split leaks.
        """
        known = 0 if self.is_one_file else seed  # a file for all seeds is read and checked once
        if self._last is None or self._last[0] != known:
            self._last = (known, self._drawn(seed) if self.read_from is None else self._read(seed))
        return self._last[1]

    def keep(self, seed: int) -> None:
        """Write the split of a seed to ``save_to``, if that is asked for and was not done.

        Raises
        ------
        InputError
            If there is such a file that is not ours.
        OutputError
            If it cannot be written.
        """
        if self.save_to is not None and seed not in self.kept:
            self._save(seed, self(seed))
            self.kept.add(seed)

    @property
    def is_one_file(self) -> bool:
        """Whether every seed has the split of the same file."""
        return self.read_from is not None and not Path(self.read_from).is_dir()

    def place(self, seed: int) -> Path | None:
        """The file that a seed's split is written to, or else read from; None without files."""
        if self.save_to is not None:
            return self._place(Path(self.save_to), seed)
        return None if self.read_from is None else self._source(seed)

    def check(self, seeds: Sequence[int]) -> None:
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
            self._check_source(seeds)
        if self.save_to is not None:
            self._check_target(Path(self.save_to), seeds)

    def _check_target(self, folder: Path, seeds: Sequence[int]) -> None:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--save-split {folder}: is a file, expected a folder")
        check_target(self._place(folder, seeds[0]) if folder.is_dir() else folder, "--save-split")
        for path in (self._place(folder, seed) for seed in seeds):
            if path.exists():
                raise InputError(f"{path}: already exists, and nothing is overwritten")

    def _check_source(self, seeds: Sequence[int]) -> None:
        missing = [path for seed in seeds if not (path := self._source(seed)).is_file()]
        if missing and self.is_one_file:
            raise InputError(f"{missing[0]}: no such file or folder of splits")
        if missing:
            held = ", ".join(sorted(path.name for path in Path(str(self.read_from)).glob("*.npz"))) or "none"
            raise InputError(
                f"{self.read_from}: lacks {len(missing)} of {len(seeds)} splits, first {missing[0].name}; "
                f"it holds {held}"
            )
        if self.is_one_file:
            self(seeds[0])

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
        report = audit_split(saved.split)
        if not report.clean:
            found = ", ".join(f"{leak.kind} ({leak.where})" for leak in report.leaks)
            raise LeakError(f"{path} leaks: {found}; gvae audit {path} shows where")
        try:
            self._check_origin(saved, seed)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        return saved.split.with_features(self.data.x)

    def _check_origin(self, saved: SavedSplit, seed: int) -> None:
        origin = saved.source
        if origin.get("protocol", self.protocol) != self.protocol:
            raise InputError(f"was made under the protocol {origin['protocol']}, not {self.protocol}")
        if not self.is_one_file and origin.get("seed", seed) != seed:
            raise InputError(f"is the split of seed {origin['seed']}, not of {seed}")
        check_fit(saved, self.data, PROTOCOLS[self.protocol], self.name)
        self.is_foreign = not self._is_drawn(saved)

    def _is_drawn(self, saved: SavedSplit) -> bool:
        """Whether it is what its seed gives here: what a file says of itself proves nothing."""
        seed = saved.source.get("seed")
        if not isinstance(seed, int) or seed < 0:
            return False
        return split_hashes(self._drawn(seed)) == split_hashes(saved.split)

    def _save(self, seed: int, split: LinkSplit) -> None:
        from gvae.data import node_ids

        folder = Path(str(self.save_to))
        folder.mkdir(exist_ok=True)
        if self._place(folder, seed).exists():
            raise InputError(f"{self._place(folder, seed)}: already exists, and nothing is overwritten")
        source = {"dataset": self.name, "protocol": self.protocol, "seed": seed}
        ids = None if self.data.get("node_ids") is None else node_ids(self.data).to_list()
        write_split(self._place(folder, seed), split, node_ids=ids, source=source)

    def _source(self, seed: int) -> Path:
        path = Path(str(self.read_from))
        return self._place(path, seed) if path.is_dir() else path

    def _place(self, folder: Path, seed: int) -> Path:
        name = Path(self.name)  # a file, or a data set's name
        return folder / f"{name.stem if name.suffix else self.name.replace('/', '-')}-{seed}.npz"


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
