from __future__ import annotations

import pytest

from gvae.catalog import CLUSTERINGS, DATASETS, FINDS_K, LOSSES, MODELS, PROTOCOLS, PUBLISHED, check_name
from gvae.clustering import _FINDS_K, _TAKES_K
from gvae.datasets import load, names
from gvae.errors import UnknownNameError
from gvae.losses import RECONSTRUCTIONS
from gvae.models.registry import BUILDERS
from gvae.presets import PRESETS
from gvae.protocols import PROTOCOLS as PROTOCOL_RECORDS


def test_every_table_describes_what_there_is() -> None:
    assert list(MODELS) == list(BUILDERS) == list(PRESETS)
    assert list(PROTOCOLS) == list(PROTOCOL_RECORDS)
    assert list(LOSSES) == list(RECONSTRUCTIONS)
    assert list(CLUSTERINGS) == [*_TAKES_K, *_FINDS_K]
    assert list(_FINDS_K) == list(FINDS_K)
    assert list(DATASETS) == names()
    assert {dataset for _, dataset, _ in PUBLISHED} <= set(DATASETS)


@pytest.mark.parametrize("name", list(DATASETS))
def test_the_data_sets_are_as_described(name: str) -> None:
    data, info = load(name), DATASETS[name]
    assert data.num_nodes == info.nodes
    assert data.num_edges == 2 * info.edges
    assert (0 if data.x is None else data.x.size(1)) == info.features
    assert (0 if data.y is None else len(data.y.unique())) == info.classes


def test_density_by_hand() -> None:
    assert DATASETS["karate"].density == pytest.approx(78 / 561)


def test_nearest_names_are_suggested() -> None:
    assert check_name("data set", "cora", DATASETS) == "cora"
    with pytest.raises(UnknownNameError, match="unknown data set 'Coar'; did you mean cora"):
        check_name("data set", "Coar", DATASETS)
    with pytest.raises(UnknownNameError, match="unknown data set 'xyz'; known: cora, citeseer"):
        check_name("data set", "xyz", DATASETS)
