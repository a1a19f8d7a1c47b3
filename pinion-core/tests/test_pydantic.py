"""Pydantic models as arguments, with Pydantic itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from pinion.annotations import converter
from pinion.codec import DEFAULT_CODEC
from pinion.errors import InvalidArguments, Unserializable

pydantic = pytest.importorskip("pydantic", minversion="2.11", reason="Pydantic isn't installed")


class Address(pydantic.BaseModel):  # type: ignore[name-defined, misc]
    model_config = pydantic.ConfigDict(strict=True, extra="forbid")
    street: str = pydantic.Field(alias="streetName")
    since: datetime
    id: UUID


class Person(pydantic.BaseModel):  # type: ignore[name-defined, misc]
    model_config = pydantic.ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")
    name: str
    homes: list[Address]
    wage: Decimal
    pause: timedelta
    key: bytes
    ranks: dict[int, set[str]]

    @pydantic.computed_field  # type: ignore[prop-decorator, untyped-decorator]
    @property
    def shout(self) -> str:
        return self.name.upper()


PERSON = Person(
    name="Ann",
    homes=[Address(streetName="High Street", since=datetime(2026, 1, 1, tzinfo=UTC), id=UUID(int=7))],
    wage=Decimal("1.50"),
    pause=timedelta(minutes=5),
    key=b"\x00\xff",
    ranks={1: {"a", "b"}},
)


def pay(person: Person, others: list[Person] | None = None) -> None: ...


def received(*args: Any) -> Any:
    convert = converter(pay)
    assert convert is not None
    return convert(*DEFAULT_CODEC.decode_call(DEFAULT_CODEC.encode_call(args, {})))


def test_a_model_comes_back_by_its_annotation() -> None:
    """Strict, with an alias, a computed field, no extra fields, and bytes that aren't text."""
    assert received(PERSON, [PERSON]) == ((PERSON, [PERSON]), {})


def test_data_that_the_model_refuses_is_refused_by_name() -> None:
    with pytest.raises(InvalidArguments, match=r"^argument 'others'\[0\]: expected the data of Person, got \{"):
        received(PERSON, [{"name": 1}])


def test_a_model_that_pydantic_can_not_dump_is_refused_at_encoding() -> None:
    class Holder(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        thing: object

    with pytest.raises(Unserializable, match=r"^argument 1: its model_dump\(\) failed"):
        DEFAULT_CODEC.encode_call((Holder(thing=object()),), {})
