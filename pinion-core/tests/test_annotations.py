"""Arguments by a task's annotations: checked against its signature, and rebuilt from plain data."""

import dataclasses
import enum
import functools
import inspect
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, Optional, ParamSpec, TypedDict, Union

import pytest

from pinion.annotations import check_call, converter
from pinion.codec import DEFAULT_CODEC
from pinion.errors import InvalidArguments

P = ParamSpec("P")


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 3


class Place(enum.Enum):
    HOME = pathlib.PurePosixPath("/home")


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass
class Circle:
    centre: Point
    colour: "Colour"
    radius: Decimal = Decimal(1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    circles: list[Circle]
    by_name: dict[str, Circle]
    by_colour: dict[Colour, tuple[Point, ...]]
    corners: tuple[Point, Point] | None
    colours: set[Colour]
    path: pathlib.PurePosixPath
    area: int = dataclasses.field(init=False, default=0)


@dataclasses.dataclass
class Tree:
    colour: Colour
    children: "list[Tree]" = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Half:
    colour: Colour
    missing: "Nowhere" = 1  # type: ignore[name-defined]  # noqa: F821


class Loose(TypedDict):
    x: int


class Model:
    """Shaped like a Pydantic model."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Model({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.name == self.name

    __hash__ = None  # type: ignore[assignment]

    def model_dump(self, *, mode: str) -> Any:
        return {"name": self.name}

    @classmethod
    def model_validate(cls, data: Any) -> "Model":
        return cls(**data)


type Colours = list[Colour]
type Endless = list[Endless] | Colour
type Broken = list[Nowhere]  # type: ignore[name-defined]  # noqa: F821
Tint = NewType("Tint", Colour)

POINT, CIRCLE = Point(1, 2), Circle(Point(1), Colour.RED, Decimal("1.50"))
DRAWING = Drawing(
    circles=[CIRCLE],
    by_name={"first": CIRCLE},
    by_colour={Colour.GREEN: (POINT, POINT)},
    corners=(POINT, Point(3)),
    colours={Colour.RED},
    path=pathlib.PurePosixPath("/tmp/x"),
)


def taking(hint: Any) -> Callable[..., None]:
    def task(given: Any) -> None: ...

    task.__annotations__ = {"given": hint}
    return task


def received(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the function is called with after its arguments were stored."""
    stored = DEFAULT_CODEC.decode_call(DEFAULT_CODEC.encode_call(args, kwargs))
    convert = converter(function)
    return convert(*stored) if convert else stored


def refusal(hint: Any, value: Any) -> str:
    convert = converter(taking(hint))
    assert convert is not None
    with pytest.raises(InvalidArguments) as refused:
        convert((value,), {})
    return str(refused.value)


# --- what is rebuilt ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Colour, Colour.RED),
        (Level, Level.HIGH),
        (Place, Place.HOME),
        (pathlib.PurePosixPath, pathlib.PurePosixPath("/tmp/x")),
        (pathlib.Path, pathlib.Path("x")),
        (Point, POINT),
        (Circle, CIRCLE),
        (Drawing, DRAWING),
        (Tree, Tree(Colour.RED, [Tree(Colour.GREEN), Tree(Colour.RED, [Tree(Colour.RED)])])),
        (Model, Model("a")),
        ("Circle", CIRCLE),
        ("list[Circle]", [CIRCLE]),
        (list["Circle"], [CIRCLE]),
        (Optional[Point], POINT),  # noqa: UP045
        (Optional[Point], None),  # noqa: UP045
        (Union[Circle, Point], POINT),  # noqa: UP007
        (Point | Circle, CIRCLE),
        (Point | int, 3),
        (Point | float, 3),
        (Colour | Any, Colour.RED),
        (Colour | Any, 7),
        (Colour | object, Colour.RED),
        (Colour | object, "blue"),
        (Colour | Literal["blue"], "blue"),
        (Level | Loose, {"x": 1}),
        (list[Point | None], [POINT, None]),
        (list[list[Colour]], [[Colour.RED], []]),
        (tuple[Colour, ...], (Colour.RED, Colour.GREEN)),
        (tuple[int, Colour], (1, Colour.RED)),
        (set[Colour], {Colour.RED}),
        (frozenset[Level], frozenset({Level.LOW, Level.HIGH})),
        (dict[Colour, int], {Colour.RED: 1}),
        (dict[Colour, Point], {Colour.RED: POINT}),
        (dict[str, list[Point]], {"a": [POINT]}),
        (Mapping[str, Colour], {"a": Colour.RED}),
        (Sequence[Colour], [Colour.RED]),
        (Sequence[Colour], (Colour.RED,)),
        (Iterable[Colour], {Colour.RED}),
        (Annotated[Colour, "a note"], Colour.RED),
        (Tint, Colour.RED),
        (Colours, [Colour.RED]),
        (Colours | None, [Colour.RED]),
    ],
    ids=repr,
)
def test_an_argument_comes_back_as_its_annotation_says(hint: Any, value: Any) -> None:
    (back,), _ = received(taking(hint), value)

    assert back == value
    assert type(back) is type(value)


def test_a_list_becomes_the_tuple_or_set_that_is_annotated() -> None:
    """As when the arguments were typed in as JSON."""
    assert received(taking(tuple[Colour, ...]), ["red"]) == (((Colour.RED,),), {})
    assert received(taking(set[Colour]), ["red"]) == (({Colour.RED},), {})


def test_a_value_that_a_union_allows_as_it_is_stays_as_it_is() -> None:
    assert received(taking(str | pathlib.Path), "x") == (("x",), {})
    assert received(taking(dict[str, int] | Point), {"x": 1}) == (({"x": 1},), {})


def test_a_value_that_has_its_type_already_is_left_alone() -> None:
    def task(a: Circle, b: list[Colour], c: dict[str, Point], d: tuple[Point, int], e: Level | Colour) -> None: ...

    args = (CIRCLE, [Colour.RED], {"a": POINT}, (POINT, 1), Level.HIGH)
    convert = converter(task)

    assert convert is not None
    assert all(given is taken for given, taken in zip(args, convert(args, {})[0], strict=True))


def test_a_field_that_init_does_not_take_is_restored() -> None:
    drawing = dataclasses.replace(DRAWING)
    object.__setattr__(drawing, "area", 9)

    (back,), _ = received(taking(Drawing), drawing)

    assert back.area == 9


def test_every_kind_of_parameter_is_rebuilt() -> None:
    def task(a: Colour, /, b: Colour, *rest: Colour, c: Colour, **others: Colour) -> list[Any]:
        return [a, b, rest, c, others]

    red, green = Colour.RED, Colour.GREEN
    args, kwargs = received(task, red, green, red, green, c=red, d=green)

    assert task(*args, **kwargs) == [red, green, (red, green), red, {"d": green}]


def test_defaults_stay_with_the_function() -> None:
    def task(a: Colour, b: Colour = Colour.GREEN, *, c: Colour = Colour.RED) -> Any:
        return a, b, c

    args, kwargs = received(task, Colour.RED, c=Colour.GREEN)

    assert task(*args, **kwargs) == (Colour.RED, Colour.GREEN, Colour.GREEN)


def test_methods_callable_objects_partials_and_wrapped_functions_are_rebuilt() -> None:
    class Painter:
        def paint(self, colour: "Colour") -> None: ...

        @staticmethod
        def mix(colour: "Colour") -> None: ...

        def __call__(self, colour: "Colour") -> None: ...

    def task(size: int, colour: "Colour") -> None: ...

    @functools.wraps(task)
    def wrapped(*args: Any, **kwargs: Any) -> None: ...

    for function in (Painter().paint, Painter.mix, Painter(), functools.partial(task, 1)):
        assert received(function, Colour.RED) == ((Colour.RED,), {})
    assert received(wrapped, 1, Colour.RED) == ((1, Colour.RED), {})


def test_what_can_not_be_resolved_is_taken_as_it_is_and_the_rest_rebuilt() -> None:
    def task(a: "Nowhere", b: Colour, c: "1 +", d: Broken) -> None: ...  # type: ignore[name-defined, valid-type]  # noqa: F821, F722

    assert received(task, "a", Colour.RED, "c", ["d"]) == (("a", Colour.RED, "c", ["d"]), {})
    assert received(taking(Half), Half(Colour.RED, 2)) == ((Half(Colour.RED, 2),), {})


def test_an_alias_of_itself_is_taken_as_saying_nothing() -> None:
    assert converter(taking(Endless)) is None


def test_a_dataclass_may_name_itself_where_it_is_defined_inside_a_function() -> None:
    @dataclasses.dataclass
    class Link:
        next: "Link | None" = None

    assert received(taking(Link), Link(Link())) == ((Link(Link()),), {})


def test_there_is_nothing_to_do_for_plain_annotations() -> None:
    def plain(a: int, b: str = "", *args: Any, c: list[int] | None = None, **kwargs: dict[str, bytes]) -> Colour: ...  # type: ignore[empty-body]
    def bare(a, b=1): ...  # type: ignore[no-untyped-def]
    def general(a: list, b: dict, c: tuple, d: type[Colour], e: enum.Enum, f: Loose) -> None: ...  # type: ignore[type-arg]
    def passing(function: Callable[P, Colour], *args: P.args, **kwargs: P.kwargs) -> None: ...

    for function in (plain, bare, general, passing, lambda: 1, print, dict, taking("Nowhere"), taking(tuple[()])):
        assert converter(function) is None


# --- what is refused ------------------------------------------------------------------------------


def test_a_mismatch_names_the_argument_what_was_expected_and_what_it_got() -> None:
    assert refusal(Colour, "blue").startswith("argument 'given': expected a value of Colour: 'red', 'green', got ")
    assert refusal(list[Circle], [{"centre": {"x": 1}, "colour": "blue"}]).startswith(
        "argument 'given'[0].colour: expected a value of Colour"
    )
    assert refusal(dict[str, Point], {"a": {"z": 1}}) == (
        "argument 'given'['a']: expected the fields of Point, got {'z': 1} (its fields are x, y)"
    )
    assert refusal(dict[Colour, int], {"blue": 1}).startswith("argument 'given' key 'blue': expected a value of Colour")


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (Colour, ["red"], "a value of Colour"),
        (pathlib.Path, 7, "the text of a path"),
        (Point, [1, 2], "the fields of Point"),
        (Point, {}, "the fields of Point"),
        (Model, {"other": 1}, "the data of Model"),
        (list[Colour], "red", "a list"),
        (Sequence[Colour], {"red": 1}, "a list"),
        (tuple[Colour, int], ["red"], "a tuple of 2"),
        (set[Model], [{"name": "a"}], "a set"),
        (dict[str, Colour], ["red"], "a dict"),
        (Colour | None, "blue", "a value of Colour"),
        (Point | Circle, {"z": 1}, "the fields of Point, got {'z': 1} (its fields are x, y); or argument 'given'"),
    ],
    ids=repr,
)
def test_data_that_does_not_fit_is_refused(hint: Any, value: Any, expected: str) -> None:
    message = refusal(hint, value)

    assert message.startswith("argument 'given': expected ")
    assert expected in message


def test_whatever_a_constructor_raises_is_a_refusal() -> None:
    class Unwilling(Exception):
        pass

    @dataclasses.dataclass
    class Picky:
        x: int

        def __post_init__(self) -> None:
            raise Unwilling("x is odd")

    assert refusal(Picky, {"x": 1}).endswith("(x is odd)")


def test_a_stored_call_that_no_longer_fits_the_signature_is_refused() -> None:
    convert = converter(taking(Colour))

    assert convert is not None
    with pytest.raises(InvalidArguments, match=r"task 'task' takes .*: too many positional arguments"):
        convert(("red", "green"), {})


# --- the signature --------------------------------------------------------------------------------


def test_arguments_that_do_not_fit_the_signature_are_refused_in_a_sentence() -> None:
    def add(a: int, b: int) -> int:
        return a + b

    signature = inspect.signature(add)

    check_call(signature, "add", (1,), {"b": 2})
    with pytest.raises(InvalidArguments) as refused:
        check_call(signature, "add", (1,), {})
    assert str(refused.value) == "task 'add' takes (a: int, b: int): missing a required argument: 'b'"


def test_annotations_that_are_text_are_shown_without_quotes() -> None:
    def add(a: "int", *, b: "list[int] | None" = None) -> "int": ...  # type: ignore[empty-body]

    with pytest.raises(InvalidArguments, match=r"takes \(a: int, \*, b: list\[int\] \| None = None\): "):
        check_call(inspect.signature(add), "add", (1,), {"c": 2})
