"""Options that several commands share, and groups of them that a command takes as one argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Any, get_type_hints

import typer

from gvae.catalog import DEVICES, LOSSES, MODELS, check_name
from gvae.presets import Preset

PAPER = Preset()


def starting(names: Iterable[str]) -> Callable[[str], list[str]]:
    """Tab completion from a table of names."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def option(text: str, default: object = None, *, of: Iterable[str] = (), **settings: Any) -> Any:
    """An option; ``default`` is shown where the preset, not the signature, has it."""
    shown = True if default is None else str(default)
    plain = text.replace("[", r"\[")  # not markup, as in gvae[leiden]
    return typer.Option(
        help=plain, show_default=shown, autocompletion=starting(of) if of else None, **settings
    )


LOSS = "full: all pairs, exactly; sampled: an estimate; quadratic, squared: other objectives, linear time."
BLOCK = "Rows of logits that the losses full and sampled hold at a time."

Epochs = Annotated[int | None, option("Training epochs.", PAPER.train.epochs)]
Hidden = Annotated[int | None, option("Channels of the first layer, W0.", PAPER.hidden)]
Latent = Annotated[int | None, option("Dimensions of z.", PAPER.latent)]
Rate = Annotated[float | None, option("Learning rate of Adam.", PAPER.train.lr)]
Beta = Annotated[float | None, option("Weight of the KL term.", PAPER.train.beta)]
NoFeatures = Annotated[bool, typer.Option("--no-features", help="Leave the node features out: X = I.")]
Device = Annotated[str, option("auto, cpu or cuda.", of=DEVICES)]
Explain = Annotated[
    bool, typer.Option("--explain", help="Print what memory training would take, and train nothing.")
]
Json = Annotated[str | None, typer.Option(metavar="FILE|-", help="Results as JSON; - is standard output.")]

_READING = "How a file is read"
_TRAINING = "How the model is trained"


def _reading(text: str, metavar: str = "COLUMN", **settings: Any) -> Any:
    return option(text, metavar=metavar, rich_help_panel=_READING, **settings)


def _training(text: str, default: object = None, **settings: Any) -> Any:
    return option(text, default, rich_help_panel=_TRAINING, **settings)


@dataclass(frozen=True)
class ReadOptions:
    """The keywords of `gvae.data.read_graph`."""

    source: Annotated[str | None, _reading("One end of an edge; by default a usual name, or the first.")] = (
        None
    )
    target: Annotated[str | None, _reading("The other end.")] = None
    weight: Annotated[str | None, _reading("Edge weights; without it edges have none.")] = None
    time: Annotated[str | None, _reading("Times of the edges, numbers or ISO dates.")] = None
    directed: Annotated[
        bool,
        typer.Option(
            "--directed",
            help="Keep directions where GRAPH is written again; scores are symmetric.",
            rich_help_panel=_READING,
        ),
    ] = False
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line names the columns; by default found out.",
            rich_help_panel=_READING,
        ),
    ] = None
    features: Annotated[
        str | None, _reading("A second table, one row a node: its columns become features.", "FILE")
    ] = None
    id: Annotated[str | None, _reading("In that table: the ids.")] = None
    label: Annotated[str | None, _reading("In that table: labels, which are no features.")] = None
    text: Annotated[list[str], _reading("In that table: text, for TF-IDF; may be repeated.")] = ()  # type: ignore[assignment]
    isolated: Annotated[
        bool,
        typer.Option(
            "--isolated",
            help="Ids that only that table has are nodes without an edge.",
            rich_help_panel=_READING,
        ),
    ] = False

    def given(self) -> dict[str, Any]:
        """What was asked for, by keyword."""
        values = {field.name: getattr(self, field.name) for field in fields(self)} | {"text": [*self.text]}
        unasked = {field.name: field.default for field in fields(self)} | {"text": []}
        return {name: value for name, value in values.items() if value != unasked[name]}


@dataclass(frozen=True)
class ModelOptions:
    """The parameters of `gvae.GraphAutoencoder`."""

    model: Annotated[str, _training(f"{', '.join(MODELS)}.", of=MODELS)] = "vgae"
    epochs: Annotated[int, _training("Training epochs.")] = PAPER.train.epochs
    hidden: Annotated[int, _training("Channels of the first layer, W0.")] = PAPER.hidden
    latent: Annotated[int, _training("Dimensions of z.")] = PAPER.latent
    lr: Annotated[float, _training("Learning rate of Adam.")] = PAPER.train.lr
    beta: Annotated[float, _training("Weight of the KL term.")] = PAPER.train.beta
    loss: Annotated[
        str,
        _training(
            f"{LOSS} auto: full up to 30,000 nodes, then sampled.",
            of=(*LOSSES, "auto"),
        ),
    ] = "auto"
    block: Annotated[int | None, _training(BLOCK, "as many as the cache holds")] = None
    patience: Annotated[
        int | None, _training("Stop when val AUC has not risen for so many epochs.", "never stop early")
    ] = None
    no_features: Annotated[
        bool,
        typer.Option("--no-features", help="Leave the node features out: X = I.", rich_help_panel=_TRAINING),
    ] = False
    device: Annotated[str, _training("auto, cpu or cuda.", of=DEVICES)] = "auto"

    def parameters(self) -> dict[str, Any]:
        """The keywords of the estimator, checked as far as that needs no torch.

        Raises
        ------
        InputError
            If one is out of its range.
        """
        check_name("model", self.model, MODELS)
        check_name("loss", self.loss, (*LOSSES, "auto"))
        check_name("device", self.device, DEVICES)
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["features"] = not given.pop("no_features")
        sizes = {
            name: value
            for name, value in given.items()
            if name not in ("model", "loss", "device", "features")
        }
        Preset().override(**sizes)
        return given


def takes(**groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command: each group's fields become options of their own, handed over as one record."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = []
        for name, parameter in inspect.signature(command).parameters.items():
            if name in groups:
                parameters += _parameters(groups[name])
            else:
                parameters.append(parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY))

        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            records = {
                name: group(**{field.name: given.pop(field.name) for field in fields(group)})
                for name, group in groups.items()
            }
            command(**given, **records)

        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapper

    return decorate


def _parameters(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[] if field.default == () else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
