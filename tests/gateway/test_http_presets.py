"""Presets, problem codes and the front page."""

from fastapi.testclient import TestClient

from services.gateway.problems.catalogue import CATALOGUE
from trm.config.overrides import resolve
from trm.config.presets import PRESETS
from trm.puzzles.datasets.datasets import BUILTIN


def test_all_presets_are_listed(client: TestClient) -> None:
    assert [preset["name"] for preset in client.get("/v1/presets").json()["data"]] == list(PRESETS)


def test_a_preset_shows_every_setting(client: TestClient) -> None:
    for name, preset in PRESETS.items():
        shown = client.get(f"/v1/presets/{name}").json()
        config = resolve(name, BUILTIN[preset.dataset].spec).model_dump(mode="json")
        assert {part: shown[part] for part in ("puzzle", "model", "train")} == {
            part: config[part] for part in ("puzzle", "model", "train")
        }


def test_every_problem_type_leads_to_its_description(client: TestClient) -> None:
    for code, entry in CATALOGUE.items():
        shown = client.get(f"/v1/problems/{code}").json()
        assert shown == {"code": code, "title": entry.title, "status": entry.status, "advice": entry.advice}


def test_the_front_page_leads_everywhere(client: TestClient) -> None:
    for link in client.get("/").json()["links"].values():
        assert client.get(link).status_code == 200, link
