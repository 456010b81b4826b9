"""What can be wrong with a link split: one function a kind, vectorised over the numbers of node pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from gvae.data.audit_parts import Pairs, Part, Parts, union

RARE = 0.001
"""A probability below this is no chance."""

EVEN = 1.1
"""More positives per negative, or negatives per positive, than this are not as many."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found in a split.

    Parameters
    ----------
    kind
        A short stable name such as ``"overlap"``.
    where
        The parts that it concerns, such as ``"train and test"`` or ``"test negatives"``.
    leak
        Whether it makes figures wrong; otherwise it is a note.
    count
        How many pairs, or nodes where it is about nodes.
    edges
        The pairs as node indices, each unordered pair once, as it stands in the part, shape
        ``(2, count)``; ``(2, 0)`` where it is not about pairs.
    message
        What it is and why it matters.
    """

    kind: str
    where: str
    leak: bool
    count: int
    edges: Tensor
    message: str


def find_all(parts: Parts) -> tuple[Finding, ...]:
    """Everything that was found, leaks first."""
    found = [finding for check in _CHECKS for finding in check(parts)]
    return tuple(sorted(found, key=lambda finding: not finding.leak))


def overlaps(parts: Parts) -> Iterator[Finding]:
    """Positives of one part that are positives of another."""
    for one, other in combinations(parts, 2):
        where, there = f"{one.name} and {other.name}", torch.unique(one.positives.ordered)
        same = _is_in(other.positives.ordered, there)
        turned = _is_in(other.positives.reverse, there) & ~other.positives.loops
        yield from _of_pairs("overlap", where, other.positives, same)
        yield from _of_pairs("reverse-overlap", where, other.positives, turned)


def self_loops(parts: Parts) -> Iterator[Finding]:
    """Pairs of a node with itself."""
    for part in parts:
        for name in ("positives", "negatives", "messages"):
            pairs, leak = getattr(part, name), name != "messages"
            meaning = None if leak else "Messages from a node to itself; many layers add these themselves."
            yield from _of_pairs("self-loop", f"{part.name} {name}", pairs, pairs.loops, meaning)


def duplicates(parts: Parts) -> Iterator[Finding]:
    """Pairs that stand twice, in either direction; messages that stand twice in the same direction."""
    for part in parts:
        of_training = "Training meets these pairs more often than others." if part is parts.train else None
        for name, pairs in (("positives", part.positives), ("negatives", part.negatives)):
            meaning = of_training if name == "negatives" else None
            yield from _of_pairs("duplicate", f"{part.name} {name}", pairs, _repeated(pairs.codes), meaning)
        twice = _repeated(part.messages.ordered)
        meaning = "Repeated message edges weigh more than others."
        yield from _of_pairs("duplicate", f"{part.name} messages", part.messages, twice, meaning)


def one_way_messages(parts: Parts) -> Iterator[Finding]:
    """Messages whose reverse is none."""
    for part in parts:
        alone = ~_is_in(part.messages.reverse, torch.unique(part.messages.ordered))
        kind = "one-way-messages"
        yield from _of_pairs(kind, f"{part.name} messages", part.messages, alone, _MEANING[kind])


def labels_in_messages(parts: Parts) -> Iterator[Finding]:
    """Held-out positives that messages pass along, before their time or at it."""
    every = [*parts]
    for i, part in enumerate(every[1:], start=1):
        for other in every[: i + 1]:
            seen = _is_in(part.positives.codes, other.messages.distinct)
            where = f"{part.name} positives in {other.name} messages"
            yield from _of_pairs("label-in-messages", where, part.positives, seen)
    seen = _is_in(parts.val.positives.codes, parts.test.messages.distinct)
    yield from _of_pairs(
        "val-edges-at-test",
        "val positives in test messages",
        parts.val.positives,
        seen,
        _MEANING["val-edges-at-test"],
    )


def unknown_messages(parts: Parts) -> Iterator[Finding]:
    """Messages along pairs that are positives in no part: a choice if training has them, or else a leak."""
    positives = union([part.positives for part in parts])
    for part in parts:
        strange = ~_is_in(part.messages.codes, positives) & ~part.messages.loops
        kind, where = "unknown-messages", f"{part.name} messages"
        new = strange & ~_is_in(part.messages.codes, parts.train.messages.distinct)
        yield from _of_pairs(kind, where, part.messages, new)
        yield from _of_pairs(kind, where, part.messages, strange & ~new, _MEANING["message-edges"])


def train_labels_in_messages(parts: Parts) -> Iterator[Finding]:
    """Training positives that messages pass along."""
    positives = parts.train.positives
    seen = {part.name: _is_in(positives.codes, part.messages.distinct) for part in parts}
    names = ", ".join(name for name, there in seen.items() if there.any())
    anywhere = torch.stack([*seen.values()]).any(0)
    kind = "train-labels-in-messages"
    yield from _of_pairs(kind, f"train positives in messages of {names}", positives, anywhere, _MEANING[kind])


def false_negatives(parts: Parts) -> Iterator[Finding]:
    """Negatives that are edges. Training cannot know held-out ones, so those among its own are right."""
    for part in parts:
        heart = parts.rule == "heart" and part.has_lists
        known = parts.learned if part is parts.train else parts.edges
        wrong = _is_in(part.negatives.codes, _known_to_heart(parts, part) if heart else known)
        if part.has_lists:
            wrong = wrong | (part.negatives.codes == part.positives.codes[:, None])  # (P, K)
        where = f"{part.name} negatives"
        yield from _of_pairs("false-negative", where, part.negatives, wrong)
        if heart:
            kind, kept = "candidates-not-filtered", _is_in(part.negatives.codes, parts.edges) & ~wrong
            yield from _of_pairs(kind, where, part.negatives, kept, _MEANING[kind])


def _known_to_heart(parts: Parts, part: Part) -> Tensor:
    """Codes of the edges that HeaRT (arXiv:2306.10453) keeps out of a part's candidates."""
    earlier = [parts.train.positives, parts.train.messages, parts.val.messages]
    if part is parts.test:
        earlier += [parts.val.positives, parts.test.messages]
    return union(earlier)


def training_negatives(parts: Parts) -> Iterator[Finding]:
    """Training negatives that avoid held-out positives better than chance: (1 - H / M)^Q is small."""
    held_out = union([parts.val.positives, parts.test.positives])
    held_out = held_out[~_is_in(held_out, parts.learned)]  # (H,)
    drawn = parts.train.negatives.distinct  # (Q,)
    if not len(drawn) or not len(held_out) or bool(_is_in(drawn, held_out).any()):
        return
    share = min(1.0, len(held_out) / max(1, parts.num_pairs - len(parts.learned)))  # H / M
    kind, where = "train-negatives-avoid-held-out", "train negatives"
    if (1 - share) ** len(drawn) < RARE:
        yield _of_none(kind, where, len(drawn), _MEANING[kind].format(len(drawn) * share))
    else:
        few = "Training negatives are fixed; none is held out, but they are too few to tell why."
        yield _of_none(kind, where, len(drawn), few, leak=False)


def shared_negatives(parts: Parts) -> Iterator[Finding]:
    """Negatives of one part that are negatives of another, in either direction."""
    for one, other in combinations(parts, 2):
        shared = _is_in(other.negatives.codes, one.negatives.distinct)
        where, meaning = f"{one.name} and {other.name}", None
        if one.has_lists or other.has_lists:
            meaning = "Candidate lists of different positives may share pairs."
        elif one is parts.train and _by_chance(parts, one.negatives, other.negatives, shared):
            meaning = "Training negatives are drawn blindly, so a few are held-out negatives by chance."
        yield from _of_pairs("negatives-shared", where, other.negatives, shared, meaning)


def _by_chance(parts: Parts, drawn: Pairs, held_out: Pairs, shared: Tensor) -> bool:
    """Whether so many shared pairs are no rarity: Poisson of mean Q H / M has a tail P(count, mean)."""
    count = torch.unique(held_out.codes[shared]).numel()
    expected = len(drawn) * len(held_out.distinct) / max(1, parts.num_pairs - len(parts.edges))
    tail = torch.special.gammainc(torch.tensor(float(count)), torch.tensor(expected))
    return bool(tail >= RARE)


def nodes(parts: Parts) -> Iterator[Finding]:
    """Nodes that were lost, and nodes that hear nothing in training."""
    sizes = {size for part in parts for size in (part.size, part.rows) if size is not None}
    lost = max(sizes) - min(sizes)
    if lost:
        said = ", ".join(f"{part.name} {_said(part)}" for part in parts)
        yield _of_none("lost-nodes", "train, val and test", lost, f"{_MEANING['lost-nodes']} ({said}).")
    elif any(part.num_nodes is None and part.rows is None for part in parts):
        guess = "The number of nodes is given nowhere; isolated nodes after the last edge would be lost."
        yield _of_none("lost-nodes", "train, val and test", 0, guess, leak=False)
    if any(not _same_features(parts.train.x, part.x) for part in parts):
        yield _of_none("features-differ", "train, val and test", 0, _MEANING["features-differ"])
    messages, size = parts.train.messages, parts.train.size
    isolated = size - torch.unique(messages.index[:, ~messages.loops]).numel()
    if isolated > 0:
        rest = f"{isolated:,} of {size:,} nodes have no message edge in training: features alone place them."
        yield _of_none("isolated-nodes", "train messages", isolated, rest, leak=False)


def _same_features(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None or one is other:
        return one is other
    if one.shape != other.shape or one.layout != other.layout:
        return False
    return all(torch.equal(*pair) for pair in zip(_stored(one), _stored(other), strict=True))


def _stored(x: Tensor) -> tuple[Tensor, ...]:
    """The dense tensors that a matrix is stored as."""
    if x.layout == torch.sparse_csr:
        return x.crow_indices(), x.col_indices(), x.values()
    x = x.coalesce() if x.layout == torch.sparse_coo else x
    return (x.indices(), x.values()) if x.layout == torch.sparse_coo else (x,)


def _said(part: Part) -> str:
    return (
        f"{part.size:,}" if part.rows in (None, part.size) else f"{part.size:,} with {part.rows:,} rows of x"
    )


def sizes(parts: Parts) -> Iterator[Finding]:
    """Parts without positives, and held-out parts without as many negatives."""
    for part in parts:
        positives, negatives = len(part.positives), len(part.negatives)
        if not positives:
            yield _of_none("empty", part.name, 0, "A part without positives has no figure.", leak=False)
        elif part is not parts.train and not (part.has_lists and negatives):
            yield from _imbalance(part.name, positives, negatives)


def _imbalance(where: str, positives: int, negatives: int) -> Iterator[Finding]:
    missing = abs(positives - negatives)
    if not negatives:
        none = "No negatives are given: whoever draws them decides what the figure means."
        yield _of_none("imbalance", where, missing, none, leak=False)
    elif positives > EVEN * negatives:
        ratio = f"{positives / negatives:.2f} positives a negative"
        yield _of_none("imbalance", where, missing, f"{ratio}: the average precision is inflated.")
    elif negatives > EVEN * positives:
        ratio = f"{negatives / positives:.2f} negatives a positive"
        rest = f"{ratio}: average precision is lower than with as many, and not comparable."
        yield _of_none("imbalance", where, missing, rest, leak=False)


_CHECKS: tuple[Callable[[Parts], Iterable[Finding]], ...] = (
    overlaps,
    self_loops,
    duplicates,
    one_way_messages,
    labels_in_messages,
    unknown_messages,
    false_negatives,
    training_negatives,
    shared_negatives,
    nodes,
    sizes,
    train_labels_in_messages,
)

_MEANING = {
    "overlap": "A positive of one part is a positive of another: what was learned is scored again.",
    "reverse-overlap": "The reverse of a positive is a positive of another part: a link crosses the split.",
    "self-loop": "A pair of a node with itself is no link: an inner product always ranks it high.",
    "duplicate": "A pair that stands twice counts twice in every figure.",
    "label-in-messages": "Messages pass along held-out positives: the encoder is told what to predict.",
    "one-way-messages": "Messages pass in one direction alone; in an undirected graph edges stand in both.",
    "unknown-messages": "Messages pass along pairs that are edges of no part and were not there in training: "
    "they can tell where held-out edges are.",
    "message-edges": "Messages in training pass along edges that are positives in no part.",
    "features-differ": "The parts have different features: those of one may tell of its edges.",
    "val-edges-at-test": "Messages at test pass along validation edges, as in RandomLinkSplit and not as in "
    "Kipf's split: name the rule with the figure.",
    "train-labels-in-messages": "Messages pass along training positives: a graph autoencoder learns to "
    "rebuild the edges that it hears along.",
    "false-negative": "A negative is an edge: a model that finds it is punished.",
    "candidates-not-filtered": "Candidates are positives of the same or a later part: HeaRT allows that, and "
    "it lowers the figure.",
    "train-negatives-avoid-held-out": "No training negative is held out, though about {:.0f} would be by "
    "chance: they were drawn with the held-out edges known, and tell the model where those are.",
    "negatives-shared": "The same pair is a negative of two parts: what was learned is scored again.",
    "lost-nodes": "The parts or the features disagree on the number of nodes, so isolated nodes were lost",
}


def _of_pairs(
    kind: str, where: str, pairs: Pairs, wrong: Tensor, note: str | None = None
) -> Iterator[Finding]:
    """A finding about the marked pairs if there are any; a leak unless there is a ``note``."""
    if wrong.any():
        edges = pairs.once(wrong)
        yield Finding(kind, where, note is None, edges.size(1), edges, note or _MEANING[kind])


def _of_none(kind: str, where: str, count: int, message: str, *, leak: bool = True) -> Finding:
    """A finding that is not about pairs."""
    return Finding(kind, where, leak, count, torch.empty(2, 0, dtype=torch.long), message)


def _is_in(codes: Tensor, known: Tensor) -> Tensor:
    """Which codes are among those that are known, which are sorted."""
    if not known.numel():
        return torch.zeros_like(codes, dtype=torch.bool)
    place = torch.searchsorted(known, codes).clamp_(max=known.numel() - 1)
    return known[place] == codes


def _repeated(codes: Tensor) -> Tensor:
    """Which codes stood before in the same row, shape as ``codes``: ``(n,)`` or ``(P, K)``."""
    ordered, order = torch.sort(codes, dim=-1, stable=True)
    again = torch.zeros_like(codes, dtype=torch.bool)
    again[..., 1:] = ordered[..., 1:] == ordered[..., :-1]
    return torch.zeros_like(again).scatter_(-1, order, again)
