"""Storages and plugins found by entry point: distributions are made in a folder, as an installer would leave them."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinion import plugins
from pinion.clock import SYSTEM
from pinion.codec import JsonCodec
from pinion.errors import DistributionMissing, InvalidURL, PinionError, PluginError, UnknownScheme, Unsupported
from pinion.plugins import installed_storages, load_hooks, neighbours, open_storage, optional_name

STORAGE = """
class Shelf:
    promises = frozenset({"SHARED", "DELAY"})
    def __init__(self, url): self.url = url
    def enqueue(self, job): ...
    def dequeue(self, timeout=None): ...
    def mark_done(self, job): ...
    def mark_failed(self, job, exc): ...
    def size(self): return 0

def open_shelf(url: str) -> Shelf:
    return Shelf(url)
"""


class Installation:
    """A folder on sys.path in which distributions are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def add(
        self, name: str, entry: str, code: str = STORAGE, *, version: str = "1.0", group: str = "pinion.storages"
    ) -> None:
        """Install a distribution with one module, named as the entry point says."""
        module = entry.partition("=")[2].strip().partition(":")[0]
        (self.folder / f"{module}.py").write_text(code)
        self.modules.append(module)
        self.add_metadata(name, version, f"[{group}]\n{entry}\n")

    def add_metadata(self, name: str, version: str, entry_points: str, files: str = "", where: str = ".") -> None:
        info = self.folder / where / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)
        (info / "RECORD").write_text(files)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("PINION_DISABLE_PLUGINS", raising=False)
    plugins._entry_points.cache_clear()
    installation = Installation(tmp_path)
    yield installation
    plugins._entry_points.cache_clear()
    for module in installation.modules:
        sys.modules.pop(module, None)


# --- opening --------------------------------------------------------------------------------------


def test_a_url_opens_the_storage_that_is_installed_for_its_scheme_in_any_case(installed: Installation) -> None:
    installed.add("pinion-shelf", "Shelf = plug_shelf:open_shelf")

    storage = open_storage("SHELF://one/two")

    assert storage.size() == 0
    assert vars(storage) == {"url": "SHELF://one/two"}


def test_the_class_of_a_storage_may_be_its_own_factory(installed: Installation) -> None:
    installed.add("pinion-shelf", "shelf = plug_class:Shelf")

    assert type(open_storage("shelf://")).__name__ == "Shelf"


def test_a_codec_and_a_clock_are_passed_on_as_they_were_given(installed: Installation) -> None:
    code = STORAGE + "\ndef with_both(url, codec=None, clock=None): return Given(url, codec, clock)\n"
    code += "\nclass Given(Shelf):\n def __init__(self, *given): self.given = given\n"
    installed.add("pinion-shelf", "shelf = plug_both:with_both", code)
    codec = JsonCodec()

    assert vars(open_storage("shelf://", codec=codec, clock=SYSTEM))["given"] == ("shelf://", codec, SYSTEM)
    assert vars(open_storage("shelf://"))["given"] == ("shelf://", None, None)


def test_a_codec_for_a_storage_that_takes_none_is_refused(installed: Installation) -> None:
    installed.add("pinion-shelf", "shelf = plug_plain:open_shelf")

    with pytest.raises(Unsupported, match=r"pinion-shelf 1\.0 .* codec="):
        open_storage("shelf://", codec=JsonCodec())


def test_only_a_storage_that_knows_the_difference_is_asked_to_create_nothing(installed: Installation) -> None:
    code = STORAGE + "\ndef careful(url, *, create=True):\n  s = Shelf(url); s.create = create; return s\n"
    installed.add("pinion-careful", "careful = plug_careful:careful", code)
    installed.add("pinion-shelf", "shelf = plug_shelf:open_shelf")

    assert vars(open_storage("careful://", create=False))["create"] is False
    assert "create" not in vars(open_storage("shelf://", create=False))


def test_nothing_but_the_scheme_that_is_opened_is_loaded(installed: Installation) -> None:
    installed.add("pinion-shelf", "shelf = plug_shelf:open_shelf")
    installed.add("pinion-trap", "trap = plug_trap:f", "raise AssertionError('was loaded')")

    open_storage("shelf://")

    assert "plug_trap" not in sys.modules


# --- what is wrong with the URL -------------------------------------------------------------------


@pytest.mark.parametrize("text", ["jobs.db", "", "://x", "sqlite:jobs.db", "1x://y", "C:\\jobs.db"])
def test_what_is_no_url_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidURL, match=r"sqlite:///jobs\.db"):
        open_storage(text)


def test_an_unknown_scheme_is_answered_with_what_is_installed_and_what_was_meant(installed: Installation) -> None:
    installed.add("pinion-shelf", "shelf = plug_shelf:open_shelf")

    with pytest.raises(UnknownScheme, match=r"'shelv'; installed: .*shelf.*; did you mean 'shelf'\?"):
        open_storage("shelv://x")


@pytest.mark.parametrize(("scheme", "distribution"), [("redis", "pinion-redis"), ("valkey", "pinion-redis")])
def test_an_unknown_scheme_is_answered_with_the_distribution_that_provides_it(scheme: str, distribution: str) -> None:
    with pytest.raises(UnknownScheme, match=f"pip install {distribution}"):
        open_storage(f"{scheme}://localhost")


# --- what is wrong with the plugin ----------------------------------------------------------------


BROKEN = {
    "import": ("import not_there_at_all", "plug:f", "No module named 'not_there_at_all'"),
    "exit": ("raise SystemExit('bye')", "plug:f", "bye"),
    "attribute": ("", "plug:gone", "gone"),
    "not callable": ("f = 42", "plug:f", "can't be called"),
    "no storage": ("def f(url): return object()", "plug:f", "lacks the methods"),
    "raises": ("def f(url): raise KeyError('what')", "plug:f", "KeyError"),
    "newer": (STORAGE + "\nclass f(Shelf):\n  spi_version = 99", "plug:f", "upgrade pinion-core"),
    "older": (STORAGE + "\nclass f(Shelf):\n  spi_version = 0", "plug:f", "upgrade the package of plug"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_storage_is_named_with_its_distribution_its_version_and_the_reason(
    kind: str, installed: Installation
) -> None:
    code, value, reason = BROKEN[kind]
    installed.add("pinion-broken", f"broken = {value}", code, version="2.3")

    with pytest.raises(PluginError) as caught:
        open_storage("broken://x")

    assert "pinion-broken 2.3" in str(caught.value)
    assert reason in str(caught.value)


def test_a_storage_for_another_version_is_refused_before_it_is_opened(installed: Installation) -> None:
    code = STORAGE + "\nclass Newer(Shelf):\n  spi_version = 99\n  def __init__(self, url): raise AssertionError\n"
    installed.add("pinion-newer", "newer = plug_newer:f", code + "\ndef f(url) -> Newer: return Newer(url)\n")

    with pytest.raises(PluginError, match="built for version 99"):
        open_storage("newer://x")


def test_two_distributions_of_one_scheme_are_both_named(installed: Installation) -> None:
    installed.add("pinion-shelf", "shelf = plug_one:open_shelf", version="1.0")
    installed.add("other-shelf", "SHELF = plug_two:open_shelf", version="7.1")

    with pytest.raises(PluginError, match=r"other-shelf 7\.1 and pinion-shelf 1\.0"):
        open_storage("shelf://x")


def test_a_distribution_that_is_found_twice_is_one(
    installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.add("pinion-shelf", "shelf = plug_shelf:open_shelf")
    installed.add_metadata("Pinion_Shelf", "0.9", "[pinion.storages]\nshelf = elsewhere:f\n", where="editable")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "editable")])

    assert type(open_storage("shelf://")).__name__ == "Shelf"


# --- passwords ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "{}://ann:hunter2@host/0",
        "{}://:hunter2@host",
        "{}://ann:hunter2@@host/x?y=1",
        "{}://ann:a/hunter2@host",
        "{}://host/0?password=hunter2&x=1",
        "{}://ann:hunter%32@host",
    ],
)
def test_no_message_shows_a_password(url: str, installed: Installation) -> None:
    code = "from pinion.errors import StorageUnavailable\nfrom urllib.parse import unquote\n"
    code += "def f(url): raise StorageUnavailable(f'no answer from {url}, {unquote(url)}')\n"
    code += "def g(url): raise RuntimeError(url)\n"
    installed.add("pinion-away", "away = plug_away:f", code)
    installed.add("pinion-odd", "odd = plug_odd:g", code)

    for scheme in ("away", "odd", "unknown", "no scheme"):
        with pytest.raises(PinionError) as caught:
            open_storage(url.format(scheme))

        assert "hunter" not in str(caught.value), scheme


# --- what is installed ----------------------------------------------------------------------------


def test_the_list_has_promises_of_what_works_and_errors_of_what_does_not(installed: Installation) -> None:
    installed.add("pinion-shelf", "shelf = plug_shelf:open_shelf", version="1.2")
    installed.add("pinion-broken", "broken = plug_broken:f", "import not_there_at_all")
    installed.add("pinion-one", "both = plug_one:open_shelf")
    installed.add("pinion-two", "both = plug_two:open_shelf")
    installed.add("pinion-shy", "shy = plug_shy:f", "def f(url): raise AssertionError('was opened')")
    installed.add("pinion-typed", "typed = plug_typed:f", "def f(url) -> 'OnlyForCheckers': ...")

    found = {(each.scheme, each.distribution): each for each in installed_storages()}

    shelf = found["shelf", "pinion-shelf"]
    assert (shelf.version, shelf.promises, shelf.error) == ("1.2", ("DELAY", "SHARED"), None)
    assert "not_there_at_all" in str(found["broken", "pinion-broken"].error)
    for owner in ("pinion-one", "pinion-two"):
        assert "pinion-one 1.0 and pinion-two 1.0" in str(found["both", owner].error)
    for scheme in ("shy", "typed"):
        assert (found[scheme, f"pinion-{scheme}"].promises, found[scheme, f"pinion-{scheme}"].error) == ((), None)


def test_a_stranger_that_installs_a_package_named_pinion_is_seen(installed: Installation) -> None:
    (installed.folder / "pinion").mkdir()
    (installed.folder / "pinion" / "schematic.py").touch()
    installed.add_metadata("pinion", "0.0.3", "", files="pinion/schematic.py,,\n")

    assert neighbours() == ["pinion"]


# --- plugins that listen --------------------------------------------------------------------------

LISTENER = "told = []\ndef pinion_job_started(job): told.append(job)\n"


def test_one_broken_plugin_is_one_line_in_the_log_and_stops_no_other(
    installed: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    installed.add("a-broken", "a = plug_broken:x", "raise ValueError('two\\nlines')", group="pinion")
    installed.add("b-exits", "b = plug_exits", "raise SystemExit(3)", group="pinion")
    installed.add("c-works", "c = plug_works", LISTENER, group="pinion")

    with caplog.at_level(logging.WARNING, "pinion.plugins"):
        hooks = load_hooks()

    assert hooks.job_started is not None
    assert [record.getMessage() for record in caplog.records] == [
        "plugin a of a-broken 1.0 is left out: ValueError: two lines",
        "plugin b of b-exits 1.0 is left out: SystemExit: 3",
    ]


def test_a_plugin_is_disabled_by_name(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installed.add("a-works", "noisy = plug_works", LISTENER, group="pinion")
    monkeypatch.setenv("PINION_DISABLE_PLUGINS", "other, noisy")

    hooks = load_hooks()

    assert hooks.job_started is None
    assert "plug_works" not in sys.modules


# --- names of other distributions -----------------------------------------------------------------


def test_a_name_whose_distribution_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.OPTIONAL, "Gone", ("pinion_not_there", "pinion-not-there"))

    with pytest.raises(DistributionMissing, match="pip install pinion-not-there"):
        optional_name("Gone", "pinion")


def test_a_distribution_that_is_there_and_broken_is_not_called_missing(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.add("pinion-half", "half = plug_half:f", "import not_there_at_all")
    monkeypatch.setitem(plugins.OPTIONAL, "Half", ("plug_half", "pinion-half"))

    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        optional_name("Half", "pinion")


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pinion' has no attribute 'nonsense'"):
        optional_name("nonsense", "pinion")
