"""Every safeguard holds something that comes out without it, and the run that proves it can fail."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.assist.verify import check_sentence
from assay.cli.main import app
from assay.cli.sabotage import shown
from assay.records.errors import InputError, NotFound
from assay.records.safety import Standing
from assay.wiring import apps, sabotage, sabotage_lab, sabotage_switches, safety_store
from assay.wiring.build import Workspace, open_workspace
from assay.wiring.sabotage_attacks import Found
from assay.wiring.safety_layers import LAYERS, Layer
from assay.wiring.settings import Settings


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = open_workspace(sabotage_lab.build(tmp_path_factory.mktemp("sabotage") / "w"))
    yield place
    place.close()


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_each_safeguard_is_missed_when_it_is_gone(place: Workspace, layer: Layer) -> None:
    """On: no effect. Off: at least one."""
    (removed,) = sabotage.run(shown, layers=[layer], place=place)
    assert removed.held, dict(removed.before)
    assert removed.noticed, dict(removed.without)


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if not layer.alone], ids=lambda layer: layer.name)
def test_where_several_hold_the_same_one_of_them_is_enough(place: Workspace, layer: Layer) -> None:
    """Redundant safeguards are said to be so: the attack fails while any one of them stands."""
    for kept in layer.off:
        others = replace(layer, off=tuple(name for name in layer.off if name != kept))
        (removed,) = sabotage.run(shown, layers=[others], place=place)
        goal = next(iter(removed.without))
        assert not removed.without[goal], f"{kept} alone does not hold it"


def test_a_safeguard_that_holds_nothing_is_called_decoration(place: Workspace) -> None:
    """A switch that switches nothing is noticed by nothing; an attack that succeeds anyway is told, too."""
    (nothing,) = sabotage.run(shown, layers=[replace(LAYERS[0], off=("no_such_switch",))], place=place)
    assert (nothing.noticed, nothing.held) == (False, True)

    async def always(_ground: object, _off: frozenset[str]) -> Found:
        return Found(1, {"anything": 1})

    (open_door,) = sabotage.run(shown, layers=[replace(LAYERS[0], attack=always)], place=place)
    assert (open_door.noticed, open_door.held) == (False, False)
    made = sabotage.measurement("app", [nothing, open_door], "assay sabotage")
    assert (made.standing, made.events) == (Standing.FAILED, 2)


def test_no_setting_reaches_a_switch() -> None:
    """Nothing of assay.yaml is named like a switch or takes a safeguard: only a sabotage run fills these arguments."""
    schema = Settings.model_json_schema()
    keys = {key for one in (schema, *schema["$defs"].values()) for key in one.get("properties", {})}
    assert not [key for key in keys if "sabotage" in key or key in {"safeguards", "assemble", "new_marker", "escaped"}]
    every = {name for layer in LAYERS for name in layer.off}
    assert every >= set(sabotage_switches.SWITCHES)


def test_every_failure_of_a_sentence_belongs_to_a_switch() -> None:
    """A check that is added to the verification of sentences needs its place among the layers."""
    bad = 'The door is never open for 9,999 Xanthippe Quux at http://x.example/ with "arguments" blue green red yellow '
    bad += "[77]"
    found = {*check_sentence(bad, ["The door is open."]).failures, *check_sentence(bad, []).failures}
    assert found == frozenset[str]().union(*sabotage_switches.FAILURES.values())


def test_a_sabotaged_assistant_says_so_in_its_recipe(place: Workspace) -> None:
    """Its results can be taken for no other's."""
    off = apps.start_app(place, "assistant", traced=False, seams=sabotage_switches.seams(frozenset({"orders"}), place))
    on = apps.start_app(place, "assistant", traced=False)
    assert "sabotaged" in off.system.recipe
    assert "sabotaged" not in on.system.recipe


def test_the_command_tells_the_table_and_keeps_the_evidence(place: Workspace, tmp_path: Path) -> None:
    """For one layer on the scratch workspace; with a workspace of one's own the whole run is kept as a measurement."""
    runner = CliRunner()
    done = runner.invoke(app, ["sabotage", "--layer", "hold_back", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["decoration"] == []
    assert told["layers"][0]["without"] == {"card_number_leaves_a_stream": 1}
    assert "hold_back" in runner.invoke(app, ["sabotage", "--list"]).stdout
    kept = sabotage.measurement("recipe", sabotage.run(shown, layers=LAYERS[:1], place=place), "assay sabotage")
    safety_store.record(place, [kept])
    assert safety_store.measurements(place, "recipe")[0].standing is Standing.PASSED


def test_a_layer_that_does_not_exist_and_trials_below_zero_are_refused(place: Workspace) -> None:
    with pytest.raises(NotFound, match="no such layer"):
        sabotage.chosen("nothing")
    with pytest.raises(InputError, match="0 or more"):
        sabotage.run(shown, place=place, trials=-1)
