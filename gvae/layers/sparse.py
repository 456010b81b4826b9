"""Products with constant sparse matrices: the features X and the normalised adjacency A~.

What is derived from such a matrix (its transpose, its normalisation) is built once and remembered for as
long as the tensor lives. A second graph gets its own, and so does a tensor that was changed in place, as
far as torch counts the changes: not through ``.data``, a NumPy array on its memory, or in inference mode.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from gvae.config import require_int
from gvae.data.graph import as_scipy, check_edge_index

INT32_MAX = torch.iinfo(torch.int32).max
Result = TypeVar("Result")


class Remembered(Generic[Result]):
    """A function of a constant tensor that is computed once per tensor (and further arguments)."""

    def __init__(self, build: Callable[..., Result]) -> None:
        self._build = build
        self._known: MutableMapping[Tensor, tuple[Any, Result]] = WeakTensorKeyDictionary()

    def __call__(self, tensor: Tensor, *args: Any) -> Result:
        """What is remembered of the tensor with these arguments, built if there is none."""
        if any(isinstance(part, Tensor) and part.is_inference() for part in (tensor, *args)):
            return self._build(tensor, *args)
        # Tensors among the arguments are told apart by identity; the key keeps them alive.
        versions = [_version(part) for part in (tensor, *args) if isinstance(part, Tensor)]
        key = (versions, [_Same(part) if isinstance(part, Tensor) else part for part in args])
        known = self._known.get(tensor)
        if known is None or known[0] != key:
            known = self._known[tensor] = (key, self._build(tensor, *args))
        return known[1]


class _Same:
    """Equal only to the wrapper of the same tensor."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.tensor is self.tensor

    __hash__ = None  # type: ignore[assignment]


def _version(tensor: Tensor) -> int:
    """How often a tensor's numbers were changed in place; of a sparse one its values, not their places."""
    return tensor._version if tensor.layout != torch.sparse_csr else tensor.values()._version


def csr_matrix(places: Tensor, values: Tensor, num_nodes: int) -> Tensor:
    """Sparse CSR, shape ``(N, N)``, from places ``(2, M)`` in the order of rows and values ``(M,)``."""
    counts = torch.bincount(places[0], minlength=num_nodes)
    crow = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return _narrow(torch.sparse_csr_tensor(crow, places[1], values, (num_nodes, num_nodes)))


def with_values(matrix: Tensor, values: Tensor) -> Tensor:
    """The same places of a sparse CSR matrix with other values ``(M,)``."""
    return torch.sparse_csr_tensor(matrix.crow_indices(), matrix.col_indices(), values, matrix.shape)


def _narrow(matrix: Tensor) -> Tensor:
    """The matrix with 32-bit indices, where they suffice: torch would make them anew for each product."""
    if matrix.crow_indices().dtype == torch.int32 or matrix.values().numel() > INT32_MAX:
        return matrix
    crow, columns = matrix.crow_indices().int(), matrix.col_indices().int()
    values = matrix.values().detach()  # not a view, which would keep the matrix alive
    return torch.sparse_csr_tensor(crow, columns, values, matrix.shape)


def operator(matrix: Tensor, transposed: bool) -> Tensor:
    """A sparse CSR matrix, or its transpose, in the form in which it is multiplied."""
    made = _transpose(matrix) if transposed else None
    if made is None:
        made = _narrowed(matrix)
    return matrix if made is None else made


@Remembered
def _narrowed(matrix: Tensor) -> Tensor | None:
    """The matrix with 32-bit indices; None for itself, which must not be kept alive by what is remembered."""
    narrow = _narrow(matrix)
    return None if narrow is matrix else narrow


@Remembered
def _transpose(matrix: Tensor) -> Tensor | None:
    """The transpose with 32-bit indices; None where the matrix is symmetric, as A~ is."""
    narrow = _narrow(matrix)
    transpose = narrow.t().to_sparse_csr()
    pairs = zip(_parts(narrow), _parts(transpose), strict=True)
    return None if all(torch.equal(mine, its) for mine, its in pairs) else transpose


def _parts(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return matrix.crow_indices(), matrix.col_indices(), matrix.values()


def multiply(matrix: Tensor, dense: Tensor) -> Tensor:
    """``A B`` of a sparse CSR and a dense matrix, as ``A @ B``, which clears and copies the result first."""
    result = dense.new_empty(matrix.size(0), dense.size(1))
    return torch.addmm(result, matrix, dense, beta=0, out=result)


class _SparseMatmul(torch.autograd.Function):
    """A B for a constant sparse A; the gradient is A^T G, again one sparse product."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, dense: Tensor, transposed: bool) -> Tensor:
        ctx.matrix, ctx.transposed = matrix, transposed
        return multiply(operator(matrix, transposed), dense)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor, None]:
        return None, _SparseMatmul.apply(ctx.matrix, grads[0], not ctx.transposed), None  # type: ignore[no-untyped-call]


def sparse_matmul(matrix: Tensor, dense: Tensor) -> Tensor:
    """Multiply a constant sparse matrix by a dense one, ``A B``.

    Torch's own gradient of this product sorts A again at each step, which costs many times the product;
    here A's transpose is kept, unless A is symmetric. Each row is summed by one thread in a fixed order, so
    values and gradients are the same, bit for bit, in every process.

    Parameters
    ----------
    matrix
        Sparse CSR, shape ``(N, M)``; treated as a constant.
    dense
        Shape ``(M, D)``.

    Returns
    -------
    Tensor
        Dense, shape ``(N, D)``.
    """
    product: Tensor = _SparseMatmul.apply(matrix, dense, False)  # type: ignore[no-untyped-call]
    return product


@Remembered
def _normalized_adjacency(
    edge_index: Tensor, num_nodes: int, dtype: torch.dtype, edge_weight: Tensor | None
) -> Tensor:
    check_edge_index(edge_index, num_nodes)
    given = edge_weight if edge_weight is None else edge_weight.to(dtype)
    (src, dst), weight = gcn_norm(edge_index, given, num_nodes, add_self_loops=True, dtype=dtype)
    # Row i gathers from its sources; for a symmetric graph rows and columns are alike.
    return _narrow(
        torch.sparse_coo_tensor(torch.stack([dst, src]), weight, (num_nodes, num_nodes)).to_sparse_csr()
    )


def normalized_adjacency(
    edge_index: Tensor,
    num_nodes: int,
    dtype: torch.dtype = torch.float32,
    edge_weight: Tensor | None = None,
) -> Tensor:
    """``A~ = D^-1/2 (A + I) D^-1/2`` (Kipf and Welling 2016), built once per graph.

    With weights, A holds them, I stays as it is, and D is the sum of each row.

    Parameters
    ----------
    edge_index
        Edges in both directions, shape ``(2, E)``.
    num_nodes
        Number of nodes N, isolated ones included.
    dtype
        Type of A~.
    edge_weight
        Weights of the edges, >= 0, shape ``(E,)``; without them all are 1.

    Returns
    -------
    Tensor
        Sparse CSR, shape ``(N, N)``.

    Raises
    ------
    InputError
        If ``edge_index`` has a wrong shape or type, or an index out of range.
    """
    return _normalized_adjacency(edge_index, num_nodes, dtype, edge_weight)


def propagated_features(x: Tensor, adjacency: Tensor) -> Tensor | None:
    """``A~ X``, made once and remembered, where that has the fewer products each epoch; else None.

    ``(A~ X) W`` costs the non-zeros of ``A~ X`` for each column of W, ``A~ (X W)`` those of X and of A~. So
    dense features are always propagated; sparse ones only if they nearly have one value a node, since the
    non-zeros of ``A~ X``, counted with those that coincide, soon are more.

    Parameters
    ----------
    x
        Features ``(N, D)``, dense or sparse CSR; those that need a gradient are left alone.
    adjacency
        A~, sparse CSR ``(N, N)``.

    Returns
    -------
    Tensor or None
        Shape ``(N, D)``, in the layout of x.
    """
    return None if x.requires_grad else _propagated_features(x, adjacency)


@Remembered
def _propagated_features(x: Tensor, adjacency: Tensor) -> Tensor | None:
    if x.layout != torch.sparse_csr:
        return adjacency @ x.to(adjacency.dtype)
    of_rows = x.crow_indices().diff()
    products = of_rows.index_select(0, adjacency.col_indices()).sum()
    if products > x.values().numel() + adjacency.values().numel():
        return None
    product = as_scipy(adjacency.cpu()) @ as_scipy(x.cpu())  # torch has no such product in all its builds
    crow, columns = torch.from_numpy(product.indptr), torch.from_numpy(product.indices)
    values = torch.from_numpy(product.data)
    return torch.sparse_csr_tensor(crow, columns, values, product.shape).to(adjacency.device)


@torch.no_grad()
def propagate(z: Tensor, edge_index: Tensor, steps: int, edge_weight: Tensor | None = None) -> Tensor:
    """``A~^t Z``: each node's row averaged with those of its neighbours, t times (Wu et al. 2019, eq. 8).

    Parameters
    ----------
    z
        Shape ``(N, D)``.
    edge_index
        Edges in both directions, shape ``(2, E)``.
    steps
        t; with 0 z stays as it is.
    edge_weight
        Weights of the edges, ``(E,)``; without them all are 1.

    Returns
    -------
    Tensor
        Shape ``(N, D)``.

    Raises
    ------
    InputError
        If ``steps`` is negative.
    """
    adjacency = normalized_adjacency(edge_index, z.size(0), z.dtype, edge_weight)
    for _ in range(require_int("steps", steps, at_least=0)):
        z = sparse_matmul(adjacency, z)
    return z
