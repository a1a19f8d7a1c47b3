"""The command line with backends and plugins that it finds, broken ones too, and without the kit; in real processes."""

from command import Folder


def test_backends_show_what_each_promises(folder: Folder) -> None:
    listed = {each["scheme"]: each for each in folder.pinion("backends", "--json").json()}

    assert listed["memory"]["distribution"] == "pinion-memory"
    assert listed["sqlite"]["error"] is None
    assert {"SHARED", "DURABLE", "POWER_SAFE"} <= set(listed["sqlite"]["promises"])
    assert "SHARED" not in listed["memory"]["promises"]


def test_a_broken_backend_is_shown_with_its_error_and_breaks_no_other(folder: Folder) -> None:
    found = folder.install("pinion-bad", "pinion.storages", "bad = plug_bad:f", "import not_there_at_all", "2.3")

    done = folder.pinion("backends", env=found)
    enqueued = folder.pinion("enqueue", folder.URL, "add", env=found)

    assert done.status == 0
    [line] = [line for line in done.out.splitlines() if line.startswith("bad ")]
    assert "pinion-bad 2.3" in line and "not_there_at_all" in line
    assert "sqlite" in done.out
    assert (enqueued.status, enqueued.err) == (0, "")


def test_backends_say_so_when_a_stranger_has_the_name_of_our_package(folder: Folder) -> None:
    found = folder.install("pinion-kicad", "other", "x = plug_kicad", "")
    (folder.path / "installed" / "pinion_kicad-1.0.dist-info" / "top_level.txt").write_text("pinion\n")

    done = folder.pinion("backends", env=found)

    assert done.status == 0
    assert "pinion-kicad" in done.err and done.err.count("\n") == 1


PLUGIN = """
import click
def pinion_commands(group):
    @group.command()
    def hello():
        "Say hello."
        click.echo("hello")
    @group.command()
    def stats():
        click.echo("not yours")
def pinion_job_enqueued(job):
    open("told", "w").write(job.id)
"""


def test_a_plugin_adds_a_command_but_replaces_none(folder: Folder) -> None:
    found = folder.install("pinion-hello", "pinion", "hello = plug_hello", PLUGIN)

    assert folder.pinion("hello", env=found).out == "hello\n"
    assert "Say hello." in folder.pinion("--help", env=found).out
    assert folder.pinion("stats", "memory://", "--json", env=found).json()["queues"] == {}
    assert folder.pinion("hello", env=found | {"PINION_DISABLE_PLUGINS": "hello"}).status == 2


def test_a_plugin_is_told_of_what_is_enqueued(folder: Folder) -> None:
    found = folder.install("pinion-hello", "pinion", "hello = plug_hello", PLUGIN)

    done = folder.pinion("enqueue", folder.URL, "add", env=found)

    assert (folder.path / "told").read_text() == done.out.strip()


def test_a_broken_plugin_costs_a_line_and_nothing_else(folder: Folder) -> None:
    found = folder.install("pinion-sad", "pinion", "sad = plug_sad", "raise ValueError('sad')")

    done = folder.pinion("enqueue", folder.URL, "add", env=found)

    assert done.status == 0
    assert "pinion-sad 1.0" in done.err and "sad" in done.err and done.err.count("\n") == 1
    assert folder.total() == {"PENDING": 1}


def test_without_its_extra_the_kit_says_what_to_install(folder: Folder) -> None:
    code = "raise ModuleNotFoundError('No module named hypothesis', name='hypothesis')"
    (folder.path / "hypothesis.py").write_text(code)

    done = folder.pinion("conformance", "memory://")

    assert done.status == 3
    assert "pinion-core[conformance]" in done.only_error()
